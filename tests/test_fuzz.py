"""Whatever bytes a decoder gets, it reads or refuses them. `make fuzz` tries for longer, and sees which
bytes reach new code."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.found import BEGINNINGS, FOUND
from tests.fuzz.targets import TARGETS

_SOME = st.sampled_from(BEGINNINGS)


@st.composite
def _changed(draw: st.DrawFn) -> bytes:
    """Something that is nearly understood: two beginnings joined, with a few bytes of them replaced."""
    data = bytearray(draw(_SOME) + draw(_SOME))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    """The same draws each time; a refusal has a status below 500 and words that can be sent."""

    @settings(
        derandomize=True, database=None, max_examples=300, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @example(b"")
    @given(
        st.one_of(
            st.binary(max_size=200),
            _changed(),
            st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
        )
    )
    def try_it(data: bytes) -> None:
        TARGETS[name](data)

    try_it()


@pytest.mark.parametrize(
    ("name", "data"), [(name, data) for name, found in FOUND.items() for data in found]
)
def test_what_was_found_once_is_mended(name: str, data: bytes) -> None:
    """Bytes that broke a promise once are read or refused now."""
    TARGETS[name](data)


@pytest.mark.parametrize("data", BEGINNINGS)
def test_a_beginning_is_understood_somewhere_and_harms_nowhere(data: bytes) -> None:
    """Every decoder stands what is meant for another."""
    for target in TARGETS.values():
        target(data)
