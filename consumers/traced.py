"""A view that traces what is applied to it: a batch is a span, linked to the appends of its entries."""

from collections.abc import Sequence

from consumers.view import View
from messenger import tracing
from messenger.entries import Entry
from messenger.keys import PROJECTOR


class TracedView(View):
    async def apply(self, entries: Sequence[Entry]) -> int:
        links = [entry.traceparent for entry in entries if entry.traceparent is not None]
        if not links:
            return await super().apply(entries)
        attributes: tracing.Attributes = {
            "messaging.system": "redis",
            "messaging.operation.type": "process",
            "messaging.destination.name": self._keys.log,
            "messaging.consumer.group.name": PROJECTOR,
            "messaging.batch.message_count": len(entries),
        }
        with tracing.span("apply", tracing.SpanKind.CONSUMER, attributes, links=links):
            return await super().apply(entries)
