"""`messenger up`, the whole in one process with its own store."""

from pathlib import Path

import redis

from messenger import embedded
from tests.commands import UNLIMITED, Commands
from tests.faults.site import Member, Site, free_port


class Embedded:
    """The store that `messenger up` runs, as far as a round needs it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def client(self) -> redis.Redis:
        return redis.Redis(
            unix_socket_path=str(embedded.socket_path(self.data_dir)), legacy_responses=False
        )


class UpSite(Site):
    """One process, no proxy."""

    async def _build(self, commands: Commands) -> None:
        self.store = Embedded(commands.data_dir)  # type: ignore[assignment]
        self.commands = commands
        self.members["web1"] = Member(
            commands,
            ("up",),
            "web1",
            MESSENGER_WINDOW=self._window,
            **UNLIMITED,
            MESSENGER_PORT=str(free_port()),
        )
        await self.members["web1"].start()
