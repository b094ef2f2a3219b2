"""Puts the web process together: what handlers find, the loops, the order of the stop."""

import asyncio
from dataclasses import dataclass

import aiohttp_jinja2
import jinja2
from aiohttp import web

from consumers.view import View
from messenger.log import Logs
from messenger.settings import Settings
from web import routes, tls
from web.appkeys import (
    AUDIT,
    CAPACITY,
    CONNECTIONS,
    FEED,
    LISTED,
    LOGS,
    LONG_ANSWERS,
    METRICS,
    SETTINGS,
    STOP,
    VIEWS,
    VISITORS,
)
from web.audit import Audit
from web.body import LIMIT
from web.capacity import Capacity, most_connections
from web.connections import Connections
from web.feed import Feed
from web.forgetting import Forgetting
from web.heartbeat import Heartbeat
from web.listed import Listed
from web.longanswers import LongAnswers
from web.looplag import LoopLag
from web.metrics import Metrics
from web.presence import Presence
from web.routes import Wrap
from web.visitors import Visitors


def create_app(logs: Logs, feed: Feed, stop: asyncio.Event) -> web.Application:
    app = web.Application(client_max_size=LIMIT)
    app[FEED] = feed
    app[LISTED] = Listed()
    app[LOGS] = logs
    app[LONG_ANSWERS] = LongAnswers()
    app[METRICS] = Metrics()
    app[SETTINGS] = logs.settings
    app[STOP] = stop
    app[VIEWS] = [View(log) for log in logs.all]
    app[VISITORS] = visitors = Visitors(logs.settings.trusted_proxies)
    app[AUDIT] = Audit(lambda request: visitors.by(request, logs.all[0].facts))
    tls.watch(app)
    app[CONNECTIONS] = Connections(logs.settings.visitor_connections, visitors)
    app[CAPACITY] = app[METRICS].capacity = Capacity(most_connections(logs.settings.partitions))
    aiohttp_jinja2.setup(
        app, loader=jinja2.PackageLoader("web"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    routes.add(app, app[METRICS], _wrap(logs.settings))
    return app


def _wrap(settings: Settings) -> Wrap | None:
    if not settings.tracing:
        return None
    # Late: it brings OpenTelemetry along.
    from web.traced import traced

    return traced


@dataclass(frozen=True)
class Loops:
    """The web process's loops, each in its own file."""

    feed: Feed
    metrics: Metrics

    def start(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        group.create_task(Forgetting(self.feed).run(stop), name="forgetting")
        group.create_task(Heartbeat(self.feed).run(stop), name="heartbeat")
        group.create_task(LoopLag(self.metrics).run(stop), name="loop lag")
        group.create_task(Presence(self.feed).run(stop), name="presence")
