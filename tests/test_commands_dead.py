"""`messenger dead`: an operator sees what a group could not handle; hands it out again or drops it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from consumers.consumer import Consumer
from consumers.dead import DeadLetters
from consumers.delivery import Delivery
from consumers.group import Group
from messenger.connection import Store
from messenger.entries import EntryId
from messenger.log import Log, Logs
from messenger.settings import Settings
from tests.commands import Commands
from tests.consuming import QUICK, Handled, drain, letters, pending, say, text_of
from tests.private_store import PrivateStore
from tests.raw import KEYS, texts


async def _bury(private_store: PrivateStore, log: Log, *said: str) -> list[str]:
    """Dead letters of the group mailer, one for each text; the ids of their entries."""
    ids = await say(log, *said)

    def fails(delivery: Delivery) -> BaseException | None:
        return RuntimeError("no\nluck") if text_of(delivery) in said else None

    async with Consumer(private_store.url, "mailer", retries=QUICK) as consumer:
        await drain(consumer, Handled(fails))
    return ids


def _json(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


async def test_letters_are_listed_and_shown(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """The list says whose it is and what went wrong, and no text; shown is all, for people and for
    programs."""
    first, second = await _bury(private_store, log, "the secret word", "two\nlines")
    listed = await commands.run("dead", "list", "--group", "mailer")
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.splitlines() == [
        f"{first} mailer lobby (3 attempts) RuntimeError: no",
        f"{second} mailer lobby (3 attempts) RuntimeError: no",
    ]
    assert (await commands.run("dead", "list")).out == listed.out
    shown = await commands.run("dead", "show", "--group", "mailer", second)
    assert f"entry: 0/{second}\n" in shown.out
    assert "error: RuntimeError: no\n    luck\n" in shown.out
    assert "  text: two\n    lines\n" in shown.out
    (letter,) = _json(
        (await commands.run("dead", "show", "--group", "mailer", first, "--json")).out
    )
    assert letter == _json((await commands.run("dead", "list", "--json")).out)[0]
    assert letter["fields"]["text"] == "the secret word"
    assert (letter["entry"], letter["partition"], letter["attempts"]) == (first, 0, 3)
    assert letter["expires_at"] == EntryId.parse(first).ms + 900_000
    assert letter["buried_at"] >= EntryId.parse(first).ms


@pytest.mark.parametrize("chosen", ["id", "all"])
async def test_a_requeued_event_is_handled_as_if_it_were_new(
    private_store: PrivateStore, log: Log, commands: Commands, chosen: str
) -> None:
    """It is handed to the group again, with all its attempts, at once; the log has no second post, and
    the letter is gone."""
    (bad,) = await _bury(private_store, log, "bad")
    done = await commands.run(
        *("dead", "requeue", "--group", "mailer", "--all" if chosen == "all" else bad)
    )
    assert (done.code, done.out) == (0, "1 handed to the group again\n")
    handled = Handled()
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, handled)
    assert [(text_of(each), each.attempt) for each in handled.deliveries] == [("bad", 1)]
    with private_store.client() as client:
        assert texts(client) == ["bad"]
        assert letters(client, "mailer") == []
        assert pending(client, "mailer") == 0
        assert client.zcard(KEYS.letters) == 0


async def test_a_dropped_letter_is_gone_and_its_message_is_not(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """One, or all that are left, of this group only."""
    first, *_ = await _bury(private_store, log, "a", "b", "c")
    with private_store.client() as client:
        client.xgroup_create(KEYS.log, "second", "0")
        await Group(log, "second").new()
        await DeadLetters(log, "second").bury(EntryId.parse(first), "no", 5)
        done = await commands.run("dead", "drop", "--group", "mailer", first)
        assert (done.code, done.out) == (0, "1 dropped\n")
        assert [each["text"] for each in letters(client, "mailer")] == ["b", "c"]
        done = await commands.run("dead", "drop", "--group", "mailer", "--all", "--json")
        assert (done.code, _json(done.out)) == (0, [{"drop": 2}])
        assert letters(client, "mailer") == []
        assert len(letters(client, "second")) == 1
        assert texts(client) == ["a", "b", "c"]


async def test_what_is_not_there_is_said_in_a_line(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """An unknown group is answered with those that there are, a wrong id with what is wrong: 1."""
    await _bury(private_store, log, "bad")
    for words, said in {
        "dead list --group nobody": "no group 'nobody'; there are: mailer, projector",
        "dead drop --group nobody --all": "there are: mailer, projector",
        "dead show --group mailer 1-1": "has no dead letter 1-1",
        "dead requeue --group mailer 1-1": "has no dead letter 1-1",
        "dead drop --group projector 1-1": "has no dead letter 1-1",
    }.items():
        done = await commands.run(*words.split())
        assert (done.code, done.out) == (1, ""), words
        assert said in done.one_line()


async def test_what_can_not_be_handed_out_again_is_said(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """An entry that the log has lost stays a dead letter; so does all of a group that is gone, and its
    letters are still to be seen."""
    lost, kept = await _bury(private_store, log, "lost", "kept")
    with private_store.client() as client:
        client.xdel(KEYS.log, lost)
        done = await commands.run("dead", "requeue", "--group", "mailer", "--all")
        assert (done.code, done.out) == (1, "1 handed to the group again\n")
        assert "no more in the log" in done.one_line()
        assert [each["entry"] for each in letters(client, "mailer")] == [lost]
        client.xgroup_destroy(KEYS.log, "mailer")
        done = await commands.run("dead", "requeue", "--group", "mailer", lost)
        assert (done.code, done.out) == (1, "")
        assert "the group mailer is not there any more" in done.one_line()
        assert lost in (await commands.run("dead", "list", "--group", "mailer")).out
    assert kept


async def test_an_id_of_several_partitions_is_asked_for(
    store: Store, private_store: PrivateStore, settings: Callable[..., Settings]
) -> None:
    """Two partitions can have the same id: then the partition is to be named."""
    logs = Logs(store, settings(partitions="2"))
    await logs.settle()
    now = EntryId((await logs.all[0].settle()).last.ms, 0)
    seconds, _ = await store.client.time()
    now = EntryId(seconds * 1_000, 0)
    with private_store.client() as client:
        for log in logs.all:
            fields = {
                "type": "message.posted",
                "room": "a",
                "author": "b",
                "text": "c",
                "ttl": 60_000,
            }
            client.xadd(log.keys.log, fields, id=str(now))
            client.xgroup_create(log.keys.log, "mailer", "0")
            await Group(log, "mailer").new()
            await DeadLetters(log, "mailer").bury(now, "no", 5)
        async with Commands(MESSENGER_STORE_URL=private_store.url) as commands:
            listed = (await commands.run("dead", "list", "--group", "mailer")).out
            assert {line.split()[0] for line in listed.splitlines()} == {f"0/{now}", f"1/{now}"}
            done = await commands.run("dead", "drop", "--group", "mailer", str(now))
            assert done.code == 1
            assert f"write 0/{now} or 1/{now}" in done.one_line()
            done = await commands.run("dead", "drop", "--group", "mailer", f"1/{now}")
            assert done.code == 0
            assert client.xlen(logs.all[0].keys.dead("mailer")) == 1
            assert client.xlen(logs.all[1].keys.dead("mailer")) == 0


async def test_a_letter_does_not_steer_the_terminal(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """Whatever another program wrote, no control character of it is printed, and no line is forged."""
    fields = {
        "type": "message.posted",
        "room": "a\x1b]0;owned\x07\nb",
        "text": "c\nentry: forged\x9b",
    }
    with private_store.client() as client:
        entry_id = client.xadd(KEYS.log, fields).decode()
    async with Consumer(private_store.url, "mailer") as consumer:
        await drain(consumer, Handled())
    listed = await commands.run("dead", "list", "--group", "mailer")
    shown = await commands.run("dead", "show", "--group", "mailer", entry_id)
    for done in (listed, shown):
        assert done.code == 0
        assert all(line.isprintable() for line in done.out.splitlines())
    assert len(listed.out.splitlines()) == 1
    assert [line for line in shown.out.splitlines() if line.startswith("entry: ")] == [
        f"entry: 0/{entry_id}"
    ]


async def test_what_has_expired_is_not_shown(
    private_store: PrivateStore, log: Log, commands: Commands
) -> None:
    """A letter whose message is over is not listed, not shown and not handed out, swept or not."""
    (bad,) = await _bury(private_store, log, "bad")
    with private_store.client() as client:
        ((member, _),) = client.zrange(KEYS.letters, 0, -1, withscores=True)
        client.zadd(KEYS.letters, {member: 1})
        assert (await commands.run("dead", "list", "--group", "mailer")).out == ""
        for verb in ("show", "requeue"):
            assert (await commands.run("dead", verb, "--group", "mailer", bad)).code == 1
