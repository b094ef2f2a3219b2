"""A command on a terminal, and what a person sees there."""

import asyncio
import contextlib
import os
import pty
import re
import sys

from tests.private_store import PrivateStore


async def on_a_terminal(store: PrivateStore, *words: str) -> tuple[int, str]:
    """Runs the command with a terminal as its standard error; its code, and what is shown there."""
    master, slave = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "messenger", *words, "--store-url", store.url),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        )
        os.set_blocking(master, False)
        shown = b""
        while process.returncode is None:
            await asyncio.wait({asyncio.ensure_future(process.wait())}, timeout=0.02)
            with contextlib.suppress(BlockingIOError):
                shown += os.read(master, 100_000)
        return process.returncode, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    finally:
        os.close(slave)
        os.close(master)
