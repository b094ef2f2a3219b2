"""How many connections a process takes: as many as the system lets it open files for, less what it needs
itself. A process without a file left could accept nobody, nor reach its store again."""

import logging
import resource
from collections.abc import Sized

log = logging.getLogger(__name__)

# For files of our own, and connections to the store: some for each partition.
_OURS, _OF_PARTITION = 128, 4
_FEW = 1_000
_NO_LIMIT = 1 << 30


class Capacity:
    """`most` connections at a time; `connections` are those that are open, of every kind."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.connections: Sized = ()

    @property
    def open(self) -> int:
        return len(self.connections)

    @property
    def is_full(self) -> bool:
        return self.open >= self.most


def most_connections(partitions: int) -> int:
    """How many fit. The process's limit of open files is raised to what it may be, first."""
    files = _open_files()
    # Of a limit that is too low for us half still serves.
    most = max(files - _OURS - _OF_PARTITION * partitions, files // 2)
    if most < _FEW:
        log.warning(
            "the system lets this process open %d files: it takes %d connections; "
            "`ulimit -n` raises it",
            files,
            most,
        )
    return most


def _open_files() -> int:
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            files = most
        except (OSError, ValueError):  # macOS says that there is no limit, and has one
            pass
    return _NO_LIMIT if files == resource.RLIM_INFINITY else files
