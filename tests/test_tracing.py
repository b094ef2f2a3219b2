"""Tracing, where it is on: one trace from a request through its entry to the view; nobody's words."""

import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from messenger import lines, tracing
from messenger.cli.traced import exporting
from messenger.connection import Store
from messenger.entries import START
from messenger.errors import BadSettings
from messenger.events import MessagePosted
from messenger.log import Logs, Post
from messenger.settings import Settings
from messenger.traced import TracedLog
from tests.private_store import PrivateStore
from tests.raw import KEYS, add_posted
from tests.serving import Messenger
from tests.sources import ROOT, is_in, read_modules
from tests.waiting import wait_until

_CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_UNSAMPLED = _CALLER[:-2] + "00"
_PARTS = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0[13]")


class Spans:
    """What was traced, by the spans' names."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    async def one(self, name: str) -> ReadableSpan:
        await wait_until(lambda: self.named(name), f"{name} is traced")
        (span,) = self.named(name)
        return span


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    found = Spans()
    with tracing.exporting("tests", found.exporter):
        yield found


@pytest.fixture
async def messenger(
    spans: Spans, run_messenger: Callable[..., AsyncIterator[Messenger]]
) -> Messenger:
    return await run_messenger(tracing="on")  # type: ignore[misc, no-any-return]


_POST = "POST /api/rooms/{room}/messages"


async def _post(messenger: Messenger, text: str, traceparent: str | None = None) -> str:
    headers = {} if traceparent is None else {"traceparent": traceparent}
    async with messenger.session.post(
        f"{messenger.url}/api/rooms/lobby/messages",
        json={"text": text, "author": "Somebody"},
        headers=headers,
    ) as response:
        assert response.status == 201
        return str((await response.json())["id"])


async def test_one_trace_from_the_request_to_the_view(
    private_store: PrivateStore, spans: Spans, messenger: Messenger
) -> None:
    """The request goes on the caller's trace, the append is inside of it, the entry carries the append,
    and the batch that applies it is linked to it."""
    posted = await _post(messenger, "the secret word", _CALLER)
    request, append = await spans.one(_POST), await spans.one("append")
    apply = await spans.one("apply")
    trace_id, caller = int(_CALLER[3:35], 16), int(_CALLER[36:52], 16)
    assert request.context.trace_id == append.context.trace_id == trace_id
    assert request.parent is not None
    assert request.parent.span_id == caller
    assert append.parent is not None
    assert append.parent.span_id == request.context.span_id
    (link,) = apply.links
    assert (link.context.trace_id, link.context.span_id) == (trace_id, append.context.span_id)
    with private_store.client() as client:
        ((_, fields),) = client.xrange(KEYS.log)
    assert list(fields)[-1] == b"traceparent"
    found = _PARTS.fullmatch(fields[b"traceparent"].decode())
    assert found
    assert (int(found[1], 16), int(found[2], 16)) == (trace_id, append.context.span_id)
    assert append.attributes is not None
    assert append.attributes["messaging.message.id"] == posted
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 201
    told = " ".join(span.to_json() for span in spans.exporter.get_finished_spans())
    assert not [word for word in ("secret word", "lobby", "Somebody") if word in told]


@pytest.mark.parametrize("header", [None, "rubbish", "00-0-0-0", _CALLER.replace("00-", "ff-")])
async def test_without_a_caller_s_trace_one_begins(
    spans: Spans, messenger: Messenger, header: str | None
) -> None:
    """No traceparent, or one that is none: the request is traced all the same."""
    await _post(messenger, "hello", header)
    request, append = await spans.one(_POST), await spans.one("append")
    assert request.parent is None
    assert append.context.trace_id == request.context.trace_id != int(_CALLER[3:35], 16)


async def test_who_does_not_sample_is_followed(
    private_store: PrivateStore, spans: Spans, messenger: Messenger
) -> None:
    """A caller whose trace is not sampled leaves none, and no field in the entry."""
    await _post(messenger, "hello", _UNSAMPLED)
    with private_store.client() as client:
        ((_, fields),) = client.xrange(KEYS.log)
        await wait_until(lambda: client.hget(KEYS.meta, "projected") == b"1", "it is in the view")
    assert list(fields) == [b"type", b"room", b"author", b"text", b"ttl"]
    assert spans.exporter.get_finished_spans() == ()


async def test_what_others_wrote_stops_nobody(
    private_store: PrivateStore, spans: Spans, messenger: Messenger
) -> None:
    """An entry without a traceparent and one with nonsense in its place are read and applied."""
    with private_store.client() as client:
        add_posted(client, "*", "without")
        nonsense = {"type": "message.posted", "room": "lobby", "author": "x", "text": "with"}
        client.xadd(KEYS.log, {**nonsense, "ttl": "900000", "traceparent": b"\xff\x00rubbish"})
        await wait_until(lambda: client.hget(KEYS.meta, "projected") == b"2", "both are applied")
    assert await messenger.texts() == ["without", "with"]
    assert all(not span.links for span in spans.named("apply"))


async def test_a_failure_is_marked(
    own_store: Callable[..., PrivateStore],
    spans: Spans,
    run_messenger: Callable[..., AsyncIterator[Messenger]],
) -> None:
    """A post that the store does not take is an error of its request and its append, by its kind."""
    private = own_store()
    running: Messenger = await run_messenger(private, tracing="on")  # type: ignore[misc]
    with private.client() as client:
        client.config_set("maxmemory", 1)
    await running.problem("POST", "/api/rooms/lobby/messages", json={"text": "the secret word"})
    request, append = await spans.one(_POST), await spans.one("append")
    for span, kind in ((request, "503"), (append, "StoreFull")):
        assert span.status.status_code == StatusCode.ERROR
        assert span.attributes is not None
        assert span.attributes["error.type"] == kind
        assert span.events == ()


async def test_a_reader_is_told_of_the_trace(
    private_store: PrivateStore, settings: Callable[..., Settings], spans: Spans
) -> None:
    """Whoever reads the log gets the same event, and the traceparent beside it."""
    async with Store(private_store.url) as store:
        logs = Logs(store, settings(), TracedLog)
        await logs.settle()
        (log,) = logs.all
        with tracing.span("caller", tracing.SpanKind.INTERNAL, {}):
            await log.append(Post("lobby", "me", "hello"))
        (entry,) = await log.range(START)
    assert entry.event == MessagePosted("lobby", "me", "hello", 900_000)
    assert b'"text":"hello"' in lines.encode([entry])
    assert entry.traceparent is not None
    assert _PARTS.fullmatch(entry.traceparent)


async def test_what_watches_is_not_traced(spans: Spans, messenger: Messenger) -> None:
    """Health, figures, streams and sockets leave no spans."""
    for path in ("/health/live", "/health/ready", "/metrics"):
        async with messenger.session.get(messenger.url + path):
            pass
    async with messenger.stream() as stream:
        await stream.next()
    async with messenger.socket() as socket:
        await socket.next()
    async with messenger.session.get(messenger.url + "/api/rooms"):
        pass
    await spans.one("GET /api/rooms")
    assert len(spans.exporter.get_finished_spans()) == 1


async def test_switched_off_nothing_is_there(
    private_store: PrivateStore, run_messenger: Callable[..., AsyncIterator[Messenger]]
) -> None:
    """By default an entry has the fields of the contract and no other, whatever the caller sends."""
    running: Messenger = await run_messenger()  # type: ignore[misc]
    await _post(running, "hello", _CALLER)
    with private_store.client() as client:
        ((_, fields),) = client.xrange(KEYS.log)
    assert list(fields) == [b"type", b"room", b"author", b"text", b"ttl"]


def test_switched_off_nothing_is_loaded() -> None:
    """What traces is imported late, by what traces, and by nothing else."""
    # redis-py loads parts of OpenTelemetry itself, where it finds it.
    code = (
        "import sys, messenger.cli.up, messenger.cli.web, messenger.cli.worker, web.server,"
        " consumers.worker; sys.exit(any(name in sys.modules for name in"
        " ('messenger.tracing', 'opentelemetry.exporter', 'opentelemetry.sdk.trace')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    tracers = {"messenger.tracing", "messenger.traced", "consumers.traced", "web.traced"}
    for module in read_modules():
        for each in module.imports():
            if is_in(each.target, "opentelemetry"):
                assert module.name == "messenger.tracing"
            elif any(is_in(each.target, name) for name in tracers):
                assert each.is_late or module.name in tracers, module.name


def test_without_its_extra_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: Callable[..., Settings]
) -> None:
    """Switched on where OpenTelemetry is not installed, the start ends with what would help."""
    monkeypatch.delitem(sys.modules, "messenger.tracing")
    monkeypatch.delattr("messenger.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(BadSettings, match=r"opentelemetry is not installed.*messenger\[otel\]"):
        exporting(settings(tracing="on"), "messenger")
    exporting(settings(), "messenger").__enter__()


def test_the_tests_trace_with_what_the_extra_brings() -> None:
    """The group that the tests install is the extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]["otel"]
    assert project["dependency-groups"]["otel"] == extra
