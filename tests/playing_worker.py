"""A program in a web worker's place that does as its test says: `<play> <number> <line> <sockets>`.

`steady` serves until it is told to end; `dies` serves and ends with 7, but for the first worker; `stuck`
never serves.
"""

import asyncio
import signal
import socket
import sys
import time

from web.account import Account
from web.workers.line import Leave, Line, Message, Ready, Tell, Told


async def play(play: str, number: int, line: int) -> int:
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)

    def take(message: Message) -> None:
        if isinstance(message, Tell):
            said.send(Told(account, message.number))
        elif isinstance(message, Leave):
            end.set()

    account = Account(began_s=time.time(), appends=number, is_ready=True)
    said = Line(take, end)
    loop = asyncio.get_running_loop()
    await loop.create_unix_connection(lambda: said, sock=socket.socket(fileno=line))
    said.send(Told(account))
    if play != "stuck":
        said.send(Ready())
    if play == "dies" and number > 1:
        return 7
    while not end.is_set():
        said.send(Told(account))
        await asyncio.sleep(0.2)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(play(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
