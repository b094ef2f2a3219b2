"""A reader without a network: what a subscriber would have been sent."""

from web import sse
from web.subscriber import Subscriber


class Recorder:
    """Keeps what is written; `unread_bytes` plays a reader that does not read."""

    def __init__(self) -> None:
        self.written = b""
        self.unread_bytes = 0
        self.closing = False
        self.subscriber = Subscriber(sse.encode, self)

    def write(self, data: bytes) -> None:
        self.written += data

    def unread(self) -> int:
        return self.unread_bytes

    def is_closing(self) -> bool:
        return self.closing
