"""The end of a round: waits until all is well again, and reads everything back."""

import asyncio
import time
from typing import Any

import aiohttp
import msgspec
import redis

from messenger.entries import EntryId
from messenger.keys import PROJECTOR, Keys
from tests.faults.history import History, Reading, Stored, Write, wall_ms
from tests.faults.load import ASK, AWAY, ROOMS
from tests.faults.site import Site

KEYS = Keys(0)
# After this whatever has not come does not come.
_SETTLE_S = 12.0
_LOOK_S = 0.05
_PAGE = 100


async def close_books(
    site: Site, history: History, session: aiohttp.ClientSession, name: str = "end"
) -> tuple[Stored, list[str]]:
    """What the store holds when everything has come to rest; and what did not come to rest. `name` is
    of who says the last words."""
    wrong = []
    ends = await _say_ends(site, history, session, name)
    if len(ends) < len(ROOMS):
        wrong.append("posting does not work again")
    if not await _in_time(lambda: all(_has_end(r, ends) for r in history.readings)):
        late = [reading.name for reading in history.readings if not _has_end(reading, ends)]
        wrong.append(f"{late} do not come to the end of their rooms")
    if not await _in_time(lambda: _is_projected(site)):
        wrong.append("the projector does not come to the end of the log")
    if not await _in_time(lambda: _all_ready(site, session)):
        wrong.append("a process does not get ready again")
    stored = await asyncio.to_thread(_read_back, site)
    stored.pages = await _read_pages(site, session)
    return stored, wrong


async def _in_time(look: Any) -> bool:
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        try:
            found = look()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return True
        except (redis.exceptions.RedisError, *AWAY):
            pass
        await asyncio.sleep(_LOOK_S)
    return False


async def _say_ends(
    site: Site, history: History, session: aiohttp.ClientSession, name: str
) -> dict[str, EntryId]:
    """The last word in each room, through whichever process takes it."""
    ends: dict[str, EntryId] = {}
    for room in ROOMS:
        write = Write(name, room, f"{name} of {room}")
        history.writes.append(write)

        async def say(write: Write = write) -> bool:
            for web in site.webs:
                async with session.post(
                    f"{web.url}/api/rooms/{write.room}/messages",
                    json={"text": write.text},
                    headers={"Idempotency-Key": f"{name}-{ROOMS.index(write.room)}"},
                    timeout=ASK,
                ) as response:
                    if response.status == 201:
                        found = await response.json()
                        write.id = EntryId.parse(found["id"])
                        write.expires_at, write.answered_at = found["expires_at"], wall_ms()
                        write.answered_text = found["text"]
                        ends[write.room] = write.id
                        return True
            return False

        await _in_time(say)
    return ends


def _has_end(reading: Reading, ends: dict[str, EntryId]) -> bool:
    end = ends.get(reading.room)
    return any(seen.id == end for seen in reversed(reading.events))


def _is_projected(site: Site) -> bool:
    with site.store.client() as client:
        last = client.xinfo_stream(KEYS.log)["last-generated-id"]
        for group in client.xinfo_groups(KEYS.log):
            if group["name"] == PROJECTOR.encode():
                newest = client.xrevrange(KEYS.log, count=1)
                until = newest[0][0] if newest else last
                behind = _id(group["last-delivered-id"]) < _id(until)
                return not behind and group["pending"] == 0
    return False


async def _all_ready(site: Site, session: aiohttp.ClientSession) -> bool:
    for web in site.webs:
        async with session.get(f"{web.url}/health/ready", timeout=ASK) as response:
            if response.status != 200:
                return False
    return True


def _read_back(site: Site) -> Stored:
    with site.store.client() as client:
        seconds, micros = client.time()
        stored = Stored(seconds * 1_000 + micros // 1_000)
        poison = 0
        for raw_id, raw in client.xrange(KEYS.log):
            fields = {name.decode(): value.decode() for name, value in raw.items()}
            if fields["type"] == "message.erased":
                stored.erased.add(EntryId.parse(fields["message"]))
            elif fields["type"] == "message.posted" and "ttl" in fields:
                entry = (fields["room"], fields["text"], int(fields["ttl"]))
                stored.log[_id(raw_id)] = entry
            else:
                poison += 1
        for room in ROOMS:
            stored.rows[room] = _rows(client, room)
        erased = _count(client, stored)
        info = client.xinfo_stream(KEYS.log)
        stored.appended = info["entries-added"] - erased - poison
        trimmed_to = client.hget(KEYS.meta, "trimmed_to")
        stored.trimmed_to = _id(trimmed_to) if trimmed_to else stored.trimmed_to
        stored.pending = client.xpending(KEYS.log, PROJECTOR)["pending"]
    return stored


def _count(client: redis.Redis, stored: Stored) -> int:
    """Notes the counts; how many erasures there were, also of those that have left the log by now."""
    erased = 0
    for key in client.scan_iter(match="*:minute:*"):
        stored.posted += int(client.hget(key, "posted") or 0)
        erased += int(client.hget(key, "erased") or 0)
    stored.expired_unprocessed = int(client.hget(KEYS.meta, "expired_unprocessed") or 0)
    return erased


def _rows(client: redis.Redis, room: str) -> list[str]:
    """The texts of a room's living rows, read as they lie in the store."""
    texts = []
    for member in client.zrange(KEYS.room(room), 0, -1):
        ms, _, seq = member.decode().partition("-")
        row = client.get(KEYS.message(f"{int(ms)}-{int(seq)}"))
        if row and row.startswith(b"{"):
            texts.append(_text_of(row))
    return texts


def _text_of(row: bytes) -> str:
    found: str = msgspec.json.decode(row)["text"]
    return found


async def _read_pages(site: Site, session: aiohttp.ClientSession) -> dict[str, list[str]]:
    """Every room as each web process pages through it, the newest page first."""
    pages = {}
    for web in site.webs:
        for room in ROOMS:
            texts: list[str] = []
            before = None
            while True:
                query = {"limit": str(_PAGE), **({"before": before} if before else {})}
                path = f"{web.url}/api/rooms/{room}/messages"
                async with session.get(path, params=query, timeout=ASK) as response:
                    if response.status != 200:
                        break
                    found = (await response.json())["messages"]
                if not found:
                    break
                texts = [message["text"] for message in found] + texts
                before = found[0]["id"]
            pages[f"{web.name} {room}"] = texts
    return pages


def _id(raw: bytes) -> EntryId:
    return EntryId.read(raw)
