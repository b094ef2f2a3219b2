"""The codes of what is too fast, too many or too full; a part of codes.py."""

from messenger import errors
from web.contract.refusal import Refusal

LIMITS = (
    Refusal(
        "too-fast",
        errors.TooFast,
        "this visitor posts too fast",
        "wait for `Retry-After` seconds",
        "too many posts; the next may come in 1 s",
        {"retry_after": 1},
    ),
    Refusal(
        "room-too-fast",
        errors.TooFast,
        "the room is posted to too fast, by all visitors together",
        "wait for `Retry-After` seconds, or go to another room",
        "too many posts in this room; the next may come in 1 s",
        {"retry_after": 1},
    ),
    Refusal(
        "too-many-rooms",
        errors.TooFast,
        "this visitor opens rooms too fast",
        "wait for `Retry-After` seconds, or post where somebody has",
        "too many new rooms; the next may come in 10 s",
        {"retry_after": 10},
    ),
    Refusal(
        "too-many-connections",
        errors.TooManyConnections,
        "this visitor has as many streams, sockets and waiting polls open as are allowed",
        "close one, or come back after `Retry-After` seconds",
        "you have 200 streams, sockets and polls open, as many as are allowed; close one",
    ),
    Refusal(
        "overloaded",
        errors.Overloaded,
        "this process has as many connections as it can take; the connection is closed",
        "connect again after `Retry-After`",
        "this process has as many connections as it can take; try again in a moment",
    ),
    Refusal(
        "store-full",
        errors.StoreFull,
        "the store's memory is full; reading goes on",
        "wait: messages that expire make room",
        "the store's memory is full",
    ),
)
