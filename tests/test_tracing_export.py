"""Where spans go: to a collector, as OpenTelemetry's own variables say, and at no stop's cost."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.commands import Commands
from tests.waiting import wait_until


class Collector:
    """Takes spans over HTTP, as any collector does."""

    def __init__(self) -> None:
        self.url = ""
        self.names: set[str] = set()
        self.services: set[str] = set()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(told["service.name"])
            self.names |= {span.name for scope in resource.scope_spans for span in scope.spans}
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found, app = Collector(), web.Application()
    app.router.add_post("/v1/traces", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def _post(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        path = f"{url}/api/rooms/lobby/messages"
        async with session.post(path, json={"text": "hello"}) as response:
            assert response.status == 201


@pytest.mark.parametrize(
    ("environment", "service"),
    [({}, "messenger"), ({"OTEL_SERVICE_NAME": "chat"}, "chat")],
)
async def test_a_collector_gets_the_spans(
    own_commands: Commands, collector: Collector, environment: dict[str, str], service: str
) -> None:
    """A messenger that is told of a collector sends it all three spans of a post, under its name."""
    up = await own_commands.start(
        *("up", "--port", "0"),
        MESSENGER_TRACING="on",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="50",
        **environment,
    )
    await _post((await up.line()).removeprefix("Messenger is on "))
    wanted = {"POST /api/rooms/{room}/messages", "append", "apply"}
    await wait_until(lambda: wanted <= collector.names, "they have come")
    assert collector.services == {service}
    assert await up.end() == 0


async def test_what_is_left_is_sent_at_the_stop(
    own_commands: Commands, collector: Collector
) -> None:
    """Spans that were not sent yet go out before the process ends."""
    up = await own_commands.start(
        *("up", "--port", "0"),
        MESSENGER_TRACING="on",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="600000",
    )
    await _post((await up.line()).removeprefix("Messenger is on "))
    assert collector.names == set()
    assert await up.end() == 0
    assert {"append"} <= collector.names


async def test_a_collector_that_is_away_holds_nothing_up(own_commands: Commands) -> None:
    """Without its collector the messenger serves and stops as ever; what is said of it is JSON too."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        up = await own_commands.start(
            *("up", "--port", "0"),
            MESSENGER_TRACING="on",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{taken.getsockname()[1]}",
        )
        await _post((await up.line()).removeprefix("Messenger is on "))
        began = asyncio.get_running_loop().time()
        assert await up.end() == 0
        assert asyncio.get_running_loop().time() - began < 8
    assert all(line.startswith("{") for line in up.errors().splitlines()), up.errors()
    assert "Traceback" not in up.errors()
