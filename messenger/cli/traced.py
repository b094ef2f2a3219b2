"""What a process does for tracing at its start and end; nothing of it is loaded where it is off."""

import contextlib

from messenger.errors import BadSettings
from messenger.log import Log
from messenger.settings import Settings


def exporting(settings: Settings, process: str) -> contextlib.AbstractContextManager[None]:
    """Sends what is traced to the collector for as long as the process runs.

    Raises BadSettings where tracing is on and its extra is not installed.
    """
    if not settings.tracing:
        return contextlib.nullcontext()
    try:
        from messenger import tracing
    except ImportError as error:
        raise BadSettings(
            f"MESSENGER_TRACING is on, and {error.name} is not installed; allowed: off, or on with "
            "the extra messenger[otel]"
        ) from None
    return tracing.exporting(process)


def log_kind(settings: Settings) -> type[Log]:
    if not settings.tracing:
        return Log
    from messenger.traced import TracedLog

    return TracedLog
