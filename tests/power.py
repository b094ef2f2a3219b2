"""A store that can lose its power: what it had not synced to disk is gone then (power.c)."""

import os
import subprocess
from pathlib import Path

from tests.installed import installed
from tests.private_store import PrivateStore

_SOURCE = Path(__file__).with_name("power.c")


class Powered(PrivateStore):
    """`synced` is how many syncs there were."""

    def __init__(self, **given: str) -> None:
        super().__init__(**given)
        library, self._log = self.data_dir / "power.so", self.data_dir / "power.log"
        compiler = installed("cc", "gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, _SOURCE], check=True)
        self.environment |= {"LD_PRELOAD": str(library), "POWER_LOG": str(self._log)}

    @property
    def synced(self) -> int:
        return len(self._syncs())

    def lose_power(self) -> int:
        """Kills it, and cuts each of its files back to what was synced of it; how many bytes that
        took."""
        self.kill()
        kept = dict(self._syncs())
        lost = 0
        for file in (self.folder / "appendonlydir").iterdir():
            found = file.stat()
            # The list of the files is replaced as a whole, once the new one is synced.
            if not file.name.endswith(".manifest"):
                size = min(kept.get(found.st_ino, 0), found.st_size)
                lost += found.st_size - size
                os.truncate(file, size)
        return lost

    def _syncs(self) -> list[tuple[int, int]]:
        """Each sync: the file's inode, and how many of its bytes are on the disk since."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [(int(inode), int(size)) for inode, size in map(str.split, lines)]
