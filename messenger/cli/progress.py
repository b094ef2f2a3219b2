"""A bar on a terminal's standard error: how far, how fast, how long yet. Nothing anywhere else."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

Show = Callable[[float, int], None]
"""How much is done, from 0 to 1, and how many entries that were."""


@contextlib.contextmanager
def progress(title: str, *, is_wanted: bool = True) -> Iterator[Show | None]:
    """What moves the bar; None where there is nobody to see one."""
    if not is_wanted or not sys.stderr.isatty():
        yield None
        return
    # Late: most commands, and all that are not on a terminal, do without it.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]:,} entries, {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
    )
    with bar:
        task, began = bar.add_task(title, total=1.0, count=0, rate=0.0), time.monotonic()

        def show(done: float, count: int) -> None:
            rate = count / max(time.monotonic() - began, 0.001)
            bar.update(task, completed=min(done, 1.0), count=count, rate=rate)

        yield show
