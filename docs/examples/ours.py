"""Counts each room's messages in a database, each once, with the messenger's own Python package.

    python ours.py STORE_URL DATABASE

Started twice it shares the work. Killed at any line it goes on where it was, and counts none twice.
"""

import asyncio
import signal
import sqlite3
import sys

from consumers.consumer import Consumer
from consumers.delivery import Delivery
from consumers.reports import Report, words
from messenger.events import MessagePosted

TABLES = """
CREATE TABLE IF NOT EXISTS rooms (name TEXT PRIMARY KEY, posts INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS handled (key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL);
"""


def count(database: sqlite3.Connection, delivery: Delivery) -> None:
    """The effect and the note that it was done are one transaction: a second time changes nothing."""
    with database:
        try:
            database.execute(
                "INSERT INTO handled VALUES (?, ?)", (delivery.key, delivery.expires_at)
            )
        except sqlite3.IntegrityError:
            return
        database.execute(
            "INSERT INTO rooms VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET posts = posts + 1",
            (delivery.room,),
        )
        # What has expired never comes again.
        database.execute("DELETE FROM handled WHERE expires_at < ?", (delivery.id.ms,))


def report(what: Report) -> None:
    print(words(what), file=sys.stderr)


async def main(url: str, path: str) -> None:
    database = sqlite3.connect(path)
    database.executescript(TABLES)

    async def handle(delivery: Delivery) -> None:
        if isinstance(delivery.event, MessagePosted):
            count(database, delivery)
            print(f"counted {delivery.key}", flush=True)

    async with Consumer(url, "counter", report=report) as consumer:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, consumer.stop)
        await consumer.run(handle)
    database.close()


asyncio.run(main(*sys.argv[1:]))
