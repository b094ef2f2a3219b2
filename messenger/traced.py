"""A log that traces its posts: each entry carries the traceparent of its append."""

from messenger import tracing
from messenger.address import Argument
from messenger.log import Appended, Hold, Log, Post


class TracedLog(Log):
    async def append(self, post: Post, hold: Hold | None = None) -> Appended:
        attributes = {
            "messaging.system": "redis",
            "messaging.operation.type": "send",
            "messaging.destination.name": self.keys.log,
        }
        with tracing.span("append", tracing.SpanKind.PRODUCER, attributes) as span:
            appended = await super().append(post, hold)
            span.set_attribute("messaging.message.id", str(appended.id))
            return appended

    def _append_call(self, post: Post, ttl: int) -> tuple[list[str], list[Argument]]:
        keys, args = super()._append_call(post, ttl)
        parent = tracing.traceparent()
        return keys, args if parent is None else [*args, parent]
