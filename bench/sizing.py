"""What a message costs and how many fit in a second: the figures of docs/operations.md.

    .venv/bin/python bench/sizing.py

Runs an embedded store in a new folder, and `messenger up` for the posts over HTTP; ends both.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from consumers.projector import Projector
from messenger.connection import Store
from messenger.embedded import socket_url
from messenger.log import Log, Logs, Post
from messenger.settings import Settings, load
from messenger.supervisor import supervised

_MESSAGES = 20_000
_UNLIMITED = dict.fromkeys(
    ("MESSENGER_POST_RATE", "MESSENGER_ROOM_RATE", "MESSENGER_NEW_ROOM_RATE"), "off"
)
_CONNECTIONS = 64
_SECONDS = 10.0


async def memory() -> None:
    """Bytes a message, by the length of its text and whether it came with an Idempotency-Key."""
    print("text  key    in memory  with its row in the view  in the file")
    for length in (20, 100, 500, 2_000):
        for with_key in (False, True):
            with tempfile.TemporaryDirectory(prefix="messenger-") as folder:
                settings = load({"data_dir": folder, "post_rate": "off", "window": "1d"})
                async with supervised(settings), Store(socket_url(settings.data_dir)) as store:
                    await _weigh(store, settings, length, with_key=with_key)


async def _weigh(store: Store, settings: Settings, length: int, *, with_key: bool) -> None:
    logs = Logs(store, settings)
    await logs.settle()
    log, empty = logs.all[0], await _used(store)
    await _append(log, length, with_key=with_key)
    if not with_key:
        # What a post without a key is remembered by is gone after half a minute.
        keys = [key async for key in store.client.scan_iter("*:sent:*", count=5_000)]
        await store.client.delete(*keys)
    appended = await _used(store)
    projector = Projector(log)
    while int(await store.client.hget(log.keys.meta, "projected") or 0) < _MESSAGES:
        await projector.step()
    projected = await _used(store)
    memory, whole = appended[0] - empty[0], projected[0] - empty[0]
    figures = [each / _MESSAGES for each in (memory, whole, projected[1] - empty[1])]
    print(f"{length:4}  {with_key!s:5} {figures[0]:10.0f} {figures[1]:25.0f} {figures[2]:12.0f}")


async def _append(log: Log, length: int, *, with_key: bool) -> None:
    async def some(numbers: Sequence[int]) -> None:
        for number in numbers:
            key = f"key-{number}" if with_key else None
            await log.append(Post("lobby", "somebody", "x" * length, key=key))

    await asyncio.gather(*(some(range(at, _MESSAGES, 50)) for at in range(50)))


async def _used(store: Store) -> tuple[int, int]:
    info: dict[str, Any] = await store.client.info()
    return info["used_memory"], info["aof_current_size"]


async def posts() -> None:
    """What one `messenger up` takes over HTTP, and the processor time of a post: of the process, with
    its feed and its worker, and of its store."""
    with tempfile.TemporaryDirectory(prefix="messenger-") as folder:
        for durability in ("everysec", "always"):
            data_dir = Path(folder) / durability
            up = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "messenger", "up", "--port", "0"),
                *("--data-dir", str(data_dir), "--durability", durability),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, **_UNLIMITED},
            )
            assert up.stdout is not None
            port = int((await up.stdout.readline()).rpartition(b":")[2])
            async with Store(socket_url(data_dir)) as store:
                server = (await store.client.info("server"))["process_id"]
            before = _worked_s(up.pid), _worked_s(server)
            counts = await asyncio.gather(*(_post_on(port) for _ in range(_CONNECTIONS)))
            after = _worked_s(up.pid), _worked_s(server)
            each = [
                (then - now) / sum(counts) * 1e6 for now, then in zip(before, after, strict=True)
            ]
            print(
                f"{durability}: {sum(counts) / _SECONDS:.0f} posts a second; a post took "
                f"{each[0]:.0f} us of the process and {each[1]:.0f} us of the store"
            )
            up.terminate()
            await up.wait()


def _worked_s(pid: int) -> float:
    """Processor time of a process, all its threads (proc(5): the 14th and 15th field)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _post_on(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"text": "' + b"x" * 100 + b'", "author": "somebody"}'
    request = (
        b"POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: bench\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    deadline, count = time.monotonic() + _SECONDS, 0
    while time.monotonic() < deadline:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 201"), head
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count


if __name__ == "__main__":
    uvloop.run(memory())
    uvloop.run(posts())
