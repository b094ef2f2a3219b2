"""Real input: people's sentences in over twenty languages come back as they were sent."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import chatterbot_corpus
import pytest
import yaml

from consumers.view import View
from messenger.log import Log
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.serving import Messenger
from tests.waiting import wait_until

# What is posted at once: more only waits in the client.
_AT_ONCE = 32

Sent = dict[str, list[tuple[str, str]]]  # a room's ids and texts, in the order of the log


def corpus() -> dict[str, list[str]]:
    """Every utterance of the corpus, by language."""
    found: dict[str, list[str]] = {}
    data = Path(chatterbot_corpus.__file__).parent / "data"
    for path in sorted(data.rglob("*.yml")):
        document = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for said in document.get("conversations", []):
            found.setdefault(path.parent.name, []).extend(
                said if isinstance(said, list) else [said]
            )
    return found


@pytest.mark.timeout(180)
async def test_every_utterance_comes_back_byte_for_byte(
    private_store: PrivateStore, run_messenger: Callable[..., Messenger]
) -> None:
    """Posted through HTTP, each is the same in the page API, the raw log, the stream and the view."""
    utterances = corpus()
    assert len(utterances) > 20
    assert sum(map(len, utterances.values())) > 19_000
    messenger = await run_messenger()
    readers = {
        room: asyncio.create_task(read_stream(messenger, room, len(texts)))
        for room, texts in utterances.items()
    }
    sent = await post_all(messenger, utterances)
    assert {room: sorted(text for _, text in pairs) for room, pairs in sent.items()} == {
        room: sorted(texts) for room, texts in utterances.items()
    }
    log = messenger.logs.all[0]
    assert await read_log(log, private_store) == sent
    assert {room: await read_pages(messenger, room) for room in sent} == sent
    assert {room: await reader for room, reader in readers.items()} == sent
    count = sum(map(len, utterances.values()))
    with private_store.client() as client:
        await wait_until(
            lambda: int(client.hget(KEYS.meta, "projected")) == count, "all is projected"
        )
    assert {room: await read_view(log, room) for room in sent} == sent


async def post_all(messenger: Messenger, utterances: dict[str, list[str]]) -> Sent:
    waiting = [(room, text) for room, texts in utterances.items() for text in texts]
    accepted: list[tuple[tuple[int, int], str, str]] = []

    async def post() -> None:
        while waiting:
            room, text = waiting.pop()
            posted = await messenger.post(text, room=room)
            ms, seq = posted["id"].split("-")
            accepted.append(((int(ms), int(seq)), room, text))

    await asyncio.gather(*(post() for _ in range(_AT_ONCE)))
    sent: Sent = {}
    for (ms, seq), room, text in sorted(accepted):
        sent.setdefault(room, []).append((f"{ms}-{seq}", text))
    return sent


async def read_stream(messenger: Messenger, room: str, count: int) -> list[tuple[str, str]]:
    """As a browser does: one that is cut resumes by its last id."""
    found: list[tuple[str, str]] = []
    last_id = "0-0"
    while len(found) < count:
        async with messenger.stream(room, last_id=last_id) as stream:
            while len(found) < count and (event := await stream.next(60)).name != "farewell":
                if event.name == "message":
                    found.append((event.id, event.data["text"]))
            last_id = stream.last_id
    return found


async def read_log(log: Log, private_store: PrivateStore) -> Sent:
    """The bytes as they are in the store."""
    found: Sent = {}
    with private_store.client() as client:
        for entry_id, fields in client.xrange(log.keys.log):
            pair = (entry_id.decode(), fields[b"text"].decode())
            found.setdefault(fields[b"room"].decode(), []).append(pair)
    return found


async def read_pages(messenger: Messenger, room: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    query: dict[str, str] = {}
    while page := (await messenger.page(room, limit=100, **query))["messages"]:
        found = [(message["id"], message["text"]) for message in page] + found
        query = {"before": page[0]["id"]}
    return found


async def read_view(log: Log, room: str) -> list[tuple[str, str]]:
    return [(m.id, m.text) for m in await View(log).page(room, None, 100_000)]
