"""What handlers find in the application, typed."""

import asyncio

from aiohttp import web

from consumers.view import View
from messenger.log import Logs
from messenger.settings import Settings
from web.audit import Audit
from web.capacity import Capacity
from web.connections import Connections
from web.feed import Feed
from web.listed import Listed
from web.longanswers import LongAnswers
from web.metrics import Metrics
from web.visitors import Visitors
from web.workers.alone import Alone
from web.workers.member import Member

AUDIT = web.AppKey("audit", Audit)
CAPACITY = web.AppKey("capacity", Capacity)
CONNECTIONS = web.AppKey("connections", Connections)
FEED = web.AppKey("feed", Feed)
LISTED = web.AppKey("listed", Listed)
LOGS = web.AppKey("logs", Logs)
LONG_ANSWERS = web.AppKey("long_answers", LongAnswers)
METRICS = web.AppKey("metrics", Metrics)
SETTINGS = web.AppKey("settings", Settings)
STOP = web.AppKey("stop", asyncio.Event)
VIEWS = web.AppKey("views", list[View])
VISITORS = web.AppKey("visitors", Visitors)
# This process's place among the web workers.
PLACE = web.AppKey[Alone | Member]("place")
