"""Promise 5 where messages came and were cut before a web process had read them."""

from messenger.entries import EntryId
from messenger.log import Logs, Post
from tests.private_store import PrivateStore
from tests.raw import KEYS
from tests.sinks import Recorder
from web.feed import Feed
from web.partition import Partition


async def read_and_cut(
    partition: Partition, private_store: PrivateStore
) -> tuple[EntryId, EntryId]:
    """The ids of a message that the tail has read, and of the next one, which it has not and which was
    cut, with all before it."""
    log = partition.log
    read = (await log.append(Post("lobby", "me", "read"))).id
    await partition.step()
    cut = (await log.append(Post("lobby", "me", "cut"))).id
    with private_store.client() as client:
        client.xtrim(KEYS.log, maxlen=0, approximate=False)
        client.hset(KEYS.meta, "trimmed_to", str(cut))
    return read, cut


async def test_what_was_cut_unread_is_a_gap(logs: Logs, private_store: PrivateStore) -> None:
    """A message came and was cut while the tail was away, and nothing has come since: who comes back
    from before it is told, in its room and in any other, and who comes back after that is not."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    read, cut = await read_and_cut(partition, private_store)
    await partition.step()
    for room in ("lobby", "another"):
        missed = await feed.missed(room, read)
        assert missed.gap is not None
        assert (missed.gap.reason, missed.gap.until) == ("trimmed", cut)
        assert (await feed.missed(room, missed.cursor)).gap is None
    await partition.close()


async def test_a_cut_that_somebody_else_has_learnt_of_is_told_all_the_same(
    logs: Logs, private_store: PrivateStore
) -> None:
    """A message came and was cut unread, and who read the log itself has learnt of the cut before the
    tail did: who resumes meanwhile is told when the tail has read it, and so is who comes after."""
    feed = Feed(logs)
    (partition,) = feed.partitions
    read, cut = await read_and_cut(partition, private_store)
    await partition.learn_trimmed()
    reader = Recorder()
    await feed.subscribe("lobby", read, reader.subscriber)
    reader.subscriber.open()
    await partition.step()
    assert b"event: gap" in reader.written
    assert b'"trimmed"' in reader.written
    missed = await feed.missed("lobby", read)
    assert missed.gap is not None
    assert missed.gap.until == cut
    await partition.close()
