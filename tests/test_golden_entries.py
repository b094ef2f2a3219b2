"""Old entries always read: one of every form that was ever written is kept, and none is taken out."""

import re
from hashlib import blake2b

import pytest
from jsonschema import Draft202012Validator

from messenger.entries import EntryId, read_entry
from messenger.events import FORMS
from messenger.log import Log, Post
from tests.golden_entries import FILE, Golden, read_golden
from tests.private_store import PrivateStore
from tests.sources import PACKAGES, ROOT
from web.contract.schemas import entry_name, standing_alone

Forms = set[tuple[str, tuple[str, ...]]]

GOLDEN = read_golden()
# How many there were when the file was begun, and the digest of their lines: later ones come after.
_FIRST, _DIGEST = 8, "09192cc8ada0cacc82815acd89af7fb8"
_XADD = re.compile(r"'XADD'[^)]*?('type',[^)]*)\)")
_WORD = re.compile(r"'([a-z_.]+)'\s*,")


def _known() -> Forms:
    return {(each.type, each.form) for each in GOLDEN}


def forms_of(script: str) -> Forms:
    """The forms that a script appends: the names are written out in it, in turn with the values."""
    found = [_WORD.findall(f"{call},") for call in _XADD.findall(script)]
    return {(words[1], (words[0], *words[2:])) for words in found if words}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda each: f"{each.type}-{each.version}")
def test_it_still_reads(golden: Golden) -> None:
    """An entry of that version decodes to the same event as when it was written."""
    entry = read_entry([b"7-1", golden.flat])
    assert (entry.id, entry.event) == (EntryId(7, 1), golden.event)
    traceparent = dict(zip(golden.flat[::2], golden.flat[1::2], strict=True)).get(b"traceparent")
    assert entry.traceparent == (traceparent and traceparent.decode())


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda each: f"{each.type}-{each.version}")
def test_it_keeps_to_its_schema(golden: Golden) -> None:
    """The schema that is served today takes entries of every version."""
    words = [word.decode() for word in golden.flat]
    schema = standing_alone(entry_name(type(golden.event)))
    Draft202012Validator(schema).validate(dict(zip(words[::2], words[1::2], strict=True)))


def test_every_declared_form_has_a_golden_entry() -> None:
    """events.FORMS tells of each version that the file has, in the file's numbering, and no other."""
    declared = {
        (kind.__struct_config__.tag, number, form)
        for kind, forms in FORMS.items()
        for number, form in enumerate(forms, start=1)
    }
    assert {(each.type, each.version, each.form) for each in GOLDEN} == declared


async def test_what_is_written_has_a_golden_entry(log: Log, private_store: PrivateStore) -> None:
    """Whatever the log writes today is of a form in the file."""
    first = await log.append(Post("lobby", "Ann", "hello"))
    await log.append(Post("lobby", "Ann", "hello", ttl=1_000, key="4711", visitor="v"))
    with private_store.client() as client:
        written = dict(client.xrange(log.keys.log))
        await log.erase("lobby", first.id, "author")
        written |= dict(client.xrange(log.keys.log))
    found = {
        (fields[b"type"].decode(), tuple(name.decode() for name in fields))
        for fields in written.values()
    }
    assert {name for name, _ in found} == {kind.__struct_config__.tag for kind in FORMS}
    assert found <= _known()


def test_no_script_writes_another_form() -> None:
    """Every append in a script is of a form in the file, also one that only some settings bring."""
    scripts = [path.read_text() for package in PACKAGES for path in (ROOT / package).glob("lua/*")]
    written = {
        form
        for script in scripts
        for form in forms_of(script)
        if form[0] in {kind.__struct_config__.tag for kind in FORMS}
    }
    assert {name for name, _ in written} == {"message.posted", "message.erased"}
    assert written <= _known()


def test_a_new_form_is_seen() -> None:
    """What the test of scripts goes by finds a field that was added."""
    script = (
        """redis.call('XADD', KEYS[1], id, 'type', 'message.posted', 'room', ARGV[1], 'new', x)"""
    )
    assert forms_of(script) == {("message.posted", ("type", "room", "new"))}


def test_none_was_changed() -> None:
    """The file's first entries are as they were when it was begun."""
    lines = FILE.read_bytes().splitlines()[1 : _FIRST + 1]
    text = b"\n".join(line.rstrip(b",") for line in lines)
    assert blake2b(text, digest_size=16).hexdigest() == _DIGEST
    assert {type(each.event) for each in GOLDEN[:_FIRST]} == set(FORMS)
