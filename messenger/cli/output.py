"""What a command prints, and the one way that can fail."""

import sys

import msgspec


class OutputClosed(Exception):
    """The reader of our output has gone, as `head` does."""


def print_json(value: object) -> None:
    print_bytes(msgspec.json.encode(value))


def print_bytes(line: bytes) -> None:
    """Raises OutputClosed, and not an OSError, which a loop would take for the store's."""
    try:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise OutputClosed from None
