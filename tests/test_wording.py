"""What may stand in a text, an author's name and a room's name."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger import wording
from messenger.errors import BadField, BadRequest

CODES = {"invalid-field", "empty-message", "too-long", "forbidden-character"}
NASTY = "\0\x1b\x7f\x85\n\t\r \u200d\u200e\u202e\u2066\u2067\u2068\u2069\u0301\ufe0f\ufffe\ud800a👋"
ANY_CHARACTER = st.sampled_from(NASTY) | st.characters(exclude_categories=())
MARK = "\u0301"


def judge(check: Callable[[str], str], given: str) -> tuple[str, str]:
    """`kept` and what was kept, or a refusal's code and its words."""
    try:
        return "kept", check(given)
    except (BadField, BadRequest) as error:
        return error.code, error.detail


# Each is one person's ordinary words.
ORDINARY = [
    "hello",
    "two lines\nand\ta tab",
    "  spaces kept  ",
    "\n\nhello",
    "<script>alert(1)</script> & \"quotes\" 'n' `ticks` {{ 7*7 }} %s $(x)",
    "e\u0301 is not made é",
    "👋🏽 👩‍👩‍👧‍👦 🏳️‍🌈 👩🏿‍🚀 ❤️",
    "🇨🇭🇯🇵",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "1️⃣ #️⃣",
    "العربية: مَرْحَبًا بِكُمْ",
    "עברית: שָׁלוֹם \u200f(1)",
    "ภาษาไทย: น้ำ ผู้ใหญ่",
    "हिन्दी: नमस्ते क्षत्रिय",
    "தமிழ் বাংলা ქართული ᏣᎳᎩ",
    "فارسی: می\u200cخواهم",
    "Việt Nam: ở đâu? Z̷̛a",
    "日本語 한국어 中文 𠮷",
    "\u2067abc\u2069 and \u2066nested \u2068deep\u2069\u2069",
    "\u2028line and paragraph\u2029",
    "\ue000 private",
    "a" + MARK * 8,
    ".",
    "⠓⠑",
    "\U0001fae8\U0001fae9",  # emoji of 2022 and 2024, younger than some Pythons' tables
]


@pytest.mark.parametrize("text", ORDINARY)
def test_people_s_words_are_taken_as_they_are(text: str) -> None:
    """A text in any script is accepted, and kept character for character."""
    assert wording.check_text(text) == text


def refused(text: str) -> BadField:
    with pytest.raises(BadField) as found:
        wording.check_text(text)
    return found.value


@pytest.mark.parametrize(
    "point",
    [
        *range(0x09), 0x0B, 0x0C, 0x0D, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9B, 0x9F,
        0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF,
        0x202A, 0x202B, 0x202C, 0x202D, 0x202E,
    ],
)  # fmt: skip
def test_a_forbidden_character_is_named_with_its_place(point: int) -> None:
    """Controls, surrogates, noncharacters and embeddings are refused, and the refusal says which
    character it is and where it stands."""
    error = refused(f"né {chr(point)} more")
    assert error.code == "forbidden-character"
    assert error.facts == {"character": f"U+{point:04X}", "index": 3}
    error.detail.encode()  # can be printed and sent


@pytest.mark.parametrize("plane", range(17))
@pytest.mark.parametrize("low", [0xFFFE, 0xFFFF])
def test_no_plane_has_a_noncharacter_that_is_taken(plane: int, low: int) -> None:
    """The last two code points of every plane are never characters."""
    assert refused(f"a{chr(plane << 16 | low)}").code == "forbidden-character"


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("a\u2066b", 1),
        ("\u2069", 0),
        ("\u2069\u2066", 0),
        ("\u2066\u2067a\u2069", 0),
        ("\u2066a\u2069\u2069b", 3),
        ("ok \u2068a\u2069 \u2068b", 7),
    ],
)
def test_isolates_come_in_pairs(text: str, index: int) -> None:
    """An isolate that does not end, or ends what never began, is refused at its place."""
    error = refused(text)
    assert (error.code, error.facts["index"]) == ("forbidden-character", index)


@pytest.mark.parametrize("mark", [MARK, "\u0489", "\u0e47", "\u0e49", "\u0300", "\u20e3", "\u064b"])
def test_marks_do_not_pile_up(mark: str) -> None:
    """More than eight combining marks in a row, of whatever script, would climb over other messages."""
    assert refused("n" + mark * 9).code == "forbidden-character"
    assert wording.check_text("n" + mark * 8 + "n" + mark * 8)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n\t \n", "\u00a0\u3000\u2003", "\u200b\u200d\ufeff", "\u2060", "\u00ad", "\u061c",
        "\u200f", "\ufe0f", "\u034f", "\u2028", "\u180e", "\U000e0041\U000e007f",
        "\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", " \u3164\u200b\n", "\u2066\u2069",
        "\u2065", "\ufff0", "\U000e0fff", "\U0001d159",
    ],
)  # fmt: skip
def test_a_text_that_shows_nothing_is_empty(text: str) -> None:
    """Spaces, format characters, marks alone, fillers and blank cells are no message."""
    assert refused(text).code == "empty-message"


@pytest.mark.parametrize("character", ["a", "é", "好", "👋"])
def test_a_text_has_a_longest_length(character: str) -> None:
    """Two thousand characters of any size are taken; one more is refused with both numbers."""
    assert wording.check_text(character * 2_000) == character * 2_000
    error = refused(character * 2_001)
    assert (error.code, error.facts) == ("too-long", {"limit": 2_000, "got": 2_001})


@given(st.text(ANY_CHARACTER, max_size=40))
def test_a_text_is_kept_or_refused_for_a_known_reason(text: str) -> None:
    """Whatever the characters: the very same text, or a refusal with a code of its own, and what is
    kept can be encoded."""
    verdict, words = judge(wording.check_text, text)
    words.encode()
    assert words is text if verdict == "kept" else verdict in CODES


@given(st.text(st.characters(max_codepoint=0x7F), max_size=30))
def test_the_fast_way_judges_as_the_slow_way(text: str) -> None:
    """Plain ASCII is looked at faster, and judged the same."""
    fast = outcome(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wording, "_is_plain", lambda _: False)
        assert outcome(text) == fast


@pytest.mark.parametrize("length", [1_999, 2_000, 2_001])
def test_the_fast_way_knows_the_longest_length(length: int) -> None:
    """The fast way lets nothing through that the slow way would find too long."""
    test_the_fast_way_judges_as_the_slow_way.hypothesis.inner_test("a" * length)


def outcome(text: str) -> list[tuple[str, str]]:
    return [judge(check, text) for check in (wording.check_text, wording.check_author)]


@pytest.mark.parametrize("author", ["Ann", "O'Hara, J.", "علي", "नमिता", "🦊", "ß" * 40, "e\u0301"])
def test_a_name_is_taken_as_it_is(author: str) -> None:
    """A name in any script is kept character for character."""
    assert wording.check_author(author) == author


def test_who_gives_no_name_is_anonymous() -> None:
    """Nobody has to say who they are."""
    assert wording.check_author("") == "anonymous"


@pytest.mark.parametrize(
    ("author", "code"),
    [
        ("a" * 41, "too-long"),
        ("👋" * 41, "too-long"),
        ("Ann\n12:00 Bob", "forbidden-character"),
        ("Ann\tBob", "forbidden-character"),
        ("Ann\0", "forbidden-character"),
        ("Ann\x1b[2J", "forbidden-character"),
        ("\u202eAnn", "forbidden-character"),
        ("\u2067Ann", "forbidden-character"),
        ("\ud83d", "forbidden-character"),
        ("n" + MARK * 9, "forbidden-character"),
        ("é\n", "forbidden-character"),
        (" ", "invalid-field"),
        ("\u3164", "invalid-field"),
        ("\u200b\u200d", "invalid-field"),
    ],
)
def test_a_name_that_could_deceive_is_refused(author: str, code: str) -> None:
    """A name is one short line that can be seen and stays in its place."""
    with pytest.raises(BadField) as found:
        wording.check_author(author)
    assert found.value.code == code
    found.value.detail.encode()


@given(st.text(ANY_CHARACTER, max_size=50))
def test_a_name_is_kept_or_refused_for_a_known_reason(author: str) -> None:
    """Whatever the characters: the very same name, anonymous, or a refusal with a code of its own."""
    verdict, words = judge(wording.check_author, author)
    words.encode()
    assert words == (author or "anonymous") if verdict == "kept" else verdict in CODES


@pytest.mark.parametrize(
    "name",
    [
        "lobby", "A", "7", "a.b-c_d", "a..b", "a" * 64, "café", "Straße", "комната", "غرفة", "חדר",
        "हिन्दी", "ไทย", "தமிழ்", "ភាសាខ្មែរ", "မြန်မာ", "部屋", "방", "٣", "~a", "~部屋",
    ],
)  # fmt: skip
def test_a_room_may_have_a_name_in_any_script(name: str) -> None:
    """Letters and digits of every script, with their vowel signs, name a room."""
    assert wording.check_room(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "a b", "a/b", "/", ".", "..", "../etc", ".hidden", "-a", "_a", "a\n", "\na", "a\0",
        "a\\b", "a%2Fb", "a?b", "a#b", "a:b", "{0}", "a*", "a" * 65, "é" * 65, "👋", "a👋", "a\u200db",
        "a\u202eb", "\u202ea", "a\ud800", "a\u00a0b", "a\u3000b", "\u0301", "a,b", "a@b", "<b>", "~",
        "~~a", "a~", "~-a", "~\u0301a", "~" + "a" * 64,
    ],
)  # fmt: skip
def test_a_room_s_name_has_no_other_characters(name: str) -> None:
    """A name that could be a path, a key, markup or two words is refused with what is allowed."""
    with pytest.raises(BadRequest, match="1 to 64 letters, digits") as found:
        wording.check_room(name)
    assert found.value.code == "bad-room"


def test_one_look_is_one_room() -> None:
    """The composed and the decomposed spelling of a name are the same room."""
    assert wording.check_room("cafe\u0301") == wording.check_room("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize(
    "name", ["lobby\ufe0f", "lob\u034fby", "lobby\U000e0100", "\u3164", "\uffa0a"]
)
def test_no_room_s_name_holds_what_can_t_be_seen(name: str) -> None:
    """Two rooms never look the same because one has an invisible mark or filler in its name."""
    with pytest.raises(BadRequest):
        wording.check_room(name)


@pytest.mark.parametrize("name", ["\u0301abc", "\u0e47ก", "a" + "\u0323" * 12])
def test_a_room_s_marks_belong_to_its_letters(name: str) -> None:
    """A name begins with a letter or a digit, and its marks do not pile up."""
    with pytest.raises(BadRequest):
        wording.check_room(name)


@given(st.text(ANY_CHARACTER, max_size=70))
def test_a_room_is_named_or_refused(name: str) -> None:
    """Whatever the characters: a name that is its own composed form, or a refusal."""
    verdict, kept = judge(wording.check_room, name)
    if verdict != "kept":
        assert verdict == "bad-room"
        return
    assert kept == unicodedata.normalize("NFC", name) == wording.check_room(kept)
    assert 1 <= len(kept) <= 64
    assert not set(kept) & set("/ \n\0:{}")
    kept.encode()
