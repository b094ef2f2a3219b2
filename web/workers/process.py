"""One web worker's process, as its supervisor sees it."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Sequence

from web.account import Account
from web.workers.line import Ask, Leave, Line, Message, Ready, Tell, Told

log = logging.getLogger(__name__)

# Longer than a worker's own stop can take; one that leaves may take its time for it as well.
_ENDS_S = 15.0
# A worker tells its account twice a second; one that is silent for so long stands still.
_SILENT_S = 2.0


class Process:
    """`account` is what it told last; `heard_at` when it was heard last, by the event loop's time."""

    def __init__(self, number: int, asked: Callable[["Process", Ask], None]) -> None:
        self.number = number
        self.account: Account | None = None
        self.heard_at = self.began_at = asyncio.get_running_loop().time()
        self.is_ready = False
        self.over = asyncio.Event()
        # Set when it serves, and also when it has ended: then `is_ready` says which.
        self.settled = asyncio.Event()
        self._asked = asked
        self._line = Line(self._take, asyncio.Event())
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int:
        """How it ended; minus the signal's number for one that a signal ended."""
        assert self._process is not None
        assert self._process.returncode is not None
        return self._process.returncode

    @property
    def silent_s(self) -> float:
        return asyncio.get_running_loop().time() - self.heard_at

    @property
    def answers(self) -> bool:
        """Whether it serves, and does not stand still."""
        return self.is_ready and self.silent_s < _SILENT_S

    @property
    def how_it_ended(self) -> str:
        who = f"worker {self.number} (process {self.pid})"
        if self.code >= 0:
            return f"{who} ended with {self.code}"
        with contextlib.suppress(ValueError):
            return f"{who} was killed by {signal.Signals(-self.code).name}"
        return f"{who} was killed by signal {-self.code}"

    async def start(
        self, command: Sequence[str], listeners: Sequence[Sequence[socket.socket]]
    ) -> None:
        """The command is given three words more: the number, and by their descriptors the worker's end
        of the line and each worker's sockets."""
        every = [[each.fileno() for each in one] for one in listeners]
        ours, its = socket.socketpair()
        with its:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                str(self.number),
                str(its.fileno()),
                ";".join(",".join(map(str, one)) for one in every),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(its.fileno(), *(each for one in every for each in one)),
                # Ctrl-C goes to the supervisor alone, which passes it on. Without a supervisor a worker
                # ends by itself: it sees the end of its line.
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self._line, sock=ours)

    async def watch(self, over: Callable[["Process"], None]) -> None:
        """Waits for the end, and tells it once all that the worker has said is heard."""
        assert self._process is not None
        await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SILENT_S):
                await self._line.ended.wait()
        self.is_ready = False
        over(self)
        self.over.set()
        self.settled.set()

    async def tell(self, number: int) -> None:
        """Has it tell its account anew, under a number of the caller's."""
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._line.send(Tell(number))
        try:
            await answer
        finally:
            del self._answers[number]

    def send(self, message: Message) -> None:
        self._line.send(message)

    def leave(self) -> None:
        self._line.send(Leave())

    def kill(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self) -> None:
        """Waits for an end that was asked for; one that does not come is brought about."""
        try:
            async with asyncio.timeout(_ENDS_S):
                await self.over.wait()
        except TimeoutError:
            log.error("worker %s (process %s) does not end; killing it", self.number, self.pid)
            self.kill(signal.SIGKILL)
            await self.over.wait()

    def _take(self, message: Message) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        if isinstance(message, Told):
            self.account = message.account
            answer = self._answers.get(message.answers)
            if answer is not None and not answer.done():
                answer.set_result(None)
        elif isinstance(message, Ready):
            self.is_ready = True
            self.settled.set()
        elif isinstance(message, Ask):
            self.account = message.account
            self._asked(self, message)
