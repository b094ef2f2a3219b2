"""A file of a replay: written as FILE.part beside it, and given its name when it is whole.

Whatever ends the replay before, what was written stays, and its last line tells where to go on.
"""

import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType

from messenger import lines
from messenger.entries import Entry, EntryId
from messenger.errors import OutputFailed

_BLOCK = 64 * 1024


class PartFile:
    """`already` is the id and the room of the last line that an earlier replay left."""

    def __init__(self, path: Path, *, resume: bool, force: bool) -> None:
        """Opens FILE.part. Raises OutputFailed where FILE is there and is not to be replaced (`force`),
        where FILE.part is and is neither to be gone on with (`resume`) nor to be begun anew (`force`
        alone), where another replay writes it, where it is no replay's, where it can't be written."""
        self._path = path
        self._force = force
        self._refuse_existing()
        self.part = path.with_name(path.name + ".part")
        self.already: tuple[EntryId, str] | None = None
        self._file = self._open()
        try:
            self._begin(resume=resume)
        except BaseException:
            os.close(self._file)
            raise

    async def write(self, entries: list[Entry]) -> int:
        """Appends a line for each; a line that does not fit whole is taken back."""
        data = lines.encode(entries)
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            os.ftruncate(self._file, self._size + data[: len(data) - len(left)].rfind(b"\n") + 1)
            raise self._failed(error) from None
        self._size += len(data)
        return len(data)

    def finish(self) -> None:
        """It is whole: it is made safe on disk, and is FILE from now on."""
        try:
            os.fsync(self._file)
            self._refuse_existing()
            self.part.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._failed(error) from None

    def __enter__(self) -> "PartFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def _refuse_existing(self) -> None:
        try:
            mode = self._path.stat().st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputFailed(f"{self._path} can't be: {error.strerror or error}") from None
        if not stat.S_ISREG(mode):
            raise OutputFailed(f"{self._path} is not a file", code="output-exists")
        if not self._force:
            raise OutputFailed(f"{self._path} is there; --force replaces it", code="output-exists")

    def _open(self) -> int:
        """FILE.part, locked: two replays would write into each other's lines."""
        try:
            file = os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._failed(error) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise OutputFailed(
                f"another replay is writing {self.part}", code="output-exists"
            ) from None
        return file

    def _begin(self, *, resume: bool) -> None:
        self._size = os.fstat(self._file).st_size
        if self._size and resume:
            self._go_on()
        elif self._size and not self._force:
            raise OutputFailed(
                f"{self.part} is there from a replay that was not finished: --resume goes on with "
                "it, --force begins anew",
                code="output-exists",
            )
        else:
            self._cut(0)

    def _go_on(self) -> None:
        """Cuts off half a line, as a kill leaves it, and reads the place of the last whole one."""
        tail, at = b"", self._size
        while at and tail.count(b"\n") < 2:
            at = max(0, at - _BLOCK)
            tail = os.pread(self._file, self._size - at, at)
        whole = tail[: tail.rfind(b"\n") + 1]
        if not whole:
            if not tail.startswith(b"{"):
                raise self._no_replay()
            self._cut(0)
            return
        try:
            self.already = lines.place(whole.splitlines()[-1])
        except ValueError:
            raise self._no_replay() from None
        self._cut(at + len(whole))

    def _cut(self, size: int) -> None:
        os.ftruncate(self._file, size)
        self._size = size

    def _no_replay(self) -> OutputFailed:
        return OutputFailed(f"{self.part} is not what a replay writes; --force begins it anew")

    def _failed(self, error: OSError) -> OutputFailed:
        return OutputFailed(f"{self.part} can't be written: {error.strerror or error}")
