"""Decoding entries: the public contract of the log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.events import Malformed, decode

SECRET = b"the secret words"
POSTED = {"type": "message.posted", "room": "r", "author": "a", "text": "t", "ttl": "900000"}
ERASED = {"type": "message.erased", "room": "r", "message": "1764000000000-0", "by": "author"}


def flat(fields: dict[str, str | bytes]) -> list[bytes]:
    """Names and values in turn, as a store sends them."""
    words = [word for pair in fields.items() for word in pair]
    return [word if isinstance(word, bytes) else word.encode() for word in words]


@pytest.mark.parametrize("fields", [POSTED, ERASED])
def test_unknown_fields_and_another_order_are_read(fields: dict[str, str | bytes]) -> None:
    """Readers go by names: added fields and another order change nothing."""
    more = dict(reversed([*fields.items(), ("colour", b"\xff"), ("", "")]))
    assert decode(flat(more)) == decode(flat(fields))


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [b"text", b"no type"],
        [b"type", b""],
        [b"type", b"message.Posted"],
        [b"type", b"message.posted "],
        [b"type", b"room.opened", b"room", b"r"],
        [b"type", b"\xff\x00"],
    ],
)
def test_unknown_types_are_passed_over(raw: list[bytes]) -> None:
    """An entry of a type of tomorrow is nobody's mistake."""
    assert decode(raw) is None


@pytest.mark.parametrize(
    ("fields", "name"),
    [(POSTED, name) for name in ("room", "author", "text", "ttl")]
    + [(ERASED, name) for name in ("room", "message", "by")],
)
def test_a_missing_field_is_named(fields: dict[str, str | bytes], name: str) -> None:
    """An entry without one of its fields is malformed, and the reason names the field."""
    found = decode(flat({key: value for key, value in fields.items() if key != name}))
    assert isinstance(found, Malformed)
    assert name in found.reason


@pytest.mark.parametrize(
    "ttl",
    [
        "", "0", "-1", "+5", "1.5", "1e3", "15m", " 5", "5\n", "0x10", "1_000", "٥",
        "315360000001", "9" * 400, "9" * 5_000, b"\xff",
    ],
)  # fmt: skip
def test_a_ttl_that_is_no_life_is_malformed(ttl: str | bytes) -> None:
    """A life that is not a whole number of milliseconds, or is longer than any, goes to the dead
    letters and stops no reader."""
    assert isinstance(decode(flat({**POSTED, "ttl": ttl})), Malformed)


@pytest.mark.parametrize("message", ["", "x", "1-", "1-2-3", "18446744073709551616-0", "*"])
def test_an_erasure_of_no_id_is_malformed(message: str) -> None:
    """An erasure that names nothing goes to the dead letters and stops no reader."""
    assert isinstance(decode(flat({**ERASED, "message": message})), Malformed)


@pytest.mark.parametrize("by", ["", "Author", "root", b"\xff"])
def test_an_erasure_by_nobody_is_malformed(by: str | bytes) -> None:
    """Only an author or an operator erases."""
    assert isinstance(decode(flat({**ERASED, "by": by})), Malformed)


@pytest.mark.parametrize(
    ("fields", "name"),
    [(POSTED, name) for name in ("room", "author", "text")]
    + [(ERASED, name) for name in ("room", "message")],
)
@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"]
)
def test_what_is_not_utf8_is_malformed(
    fields: dict[str, str | bytes], name: str, bad: bytes
) -> None:
    """Bytes that are not UTF-8 make an entry malformed, and never a reader fail."""
    found = decode(flat({**fields, name: SECRET + bad + SECRET}))
    assert isinstance(found, Malformed)


@given(
    st.dictionaries(
        st.sampled_from(["room", "author", "text", "ttl", "message", "by"]), st.binary()
    ),
    st.sampled_from(["message.posted", "message.erased"]),
)
def test_any_bytes_are_read_or_malformed(fields: dict[str, bytes], kind: str) -> None:
    """No bytes of another program stop a reader."""
    assert decode(flat({"type": kind, **fields})) is not None


@pytest.mark.parametrize(
    "broken",
    [
        {"text": SECRET + b"\xff"},
        {"author": b"\xff" + SECRET, "text": SECRET},
        {"text": SECRET, "ttl": SECRET},
        {"text": SECRET, "ttl": b"0"},
        {"text": b"\xff".join([SECRET] * 3), "room": b"\xff"},
        {"type": "message.erased", "message": SECRET, "by": SECRET},
        {"type": "message.erased", "message": b"\xff" + SECRET, "by": "author"},
    ],
)
def test_a_reason_never_holds_the_text(broken: dict[str, str | bytes]) -> None:
    """What is logged of a malformed entry has none of its bytes, for they may be somebody's words."""
    found = decode(flat({**POSTED, **broken}))
    assert isinstance(found, Malformed)
    assert "secret" not in found.reason
    assert "xff" not in found.reason
