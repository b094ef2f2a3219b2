"""A bar on a terminal's standard error: how far, how fast, how long yet. Nothing anywhere else."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator

_EVERY_S = 0.1

Look = Callable[[], tuple[float, int]]
"""How much is done now, from 0 to 1, and how many entries that were."""


@contextlib.asynccontextmanager
async def progress(title: str, look: Look, *, is_wanted: bool = True) -> AsyncIterator[None]:
    """Shows how far it is while the block runs, and how far it was at its end. `is_wanted`: not where
    it would stand among what is printed."""
    if not is_wanted or not sys.stderr.isatty():
        yield
        return
    with _bar(title) as show:
        showing = asyncio.create_task(_keep_showing(look, show))
        try:
            yield
        finally:
            showing.cancel()
            show(*look())


async def _keep_showing(look: Look, show: Callable[[float, int], None]) -> None:
    while True:
        show(*look())
        await asyncio.sleep(_EVERY_S)


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Callable[[float, int], None]]:
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
