"""What a process says of itself, on standard error: never a message's text, never a token.

On a terminal in lines for people; anywhere else a JSON object a line, for programs that collect them.
"""

import json
import logging
import logging.config
import sys
from datetime import UTC, datetime
from types import TracebackType

# Longer words than any of ours; a longer line could be cut in the middle by what collects it.
_LONGEST_EVENT = 1_000
_LONGEST_EXCEPTION = 8_000


def configure(level: str = "INFO", worker: int | None = None) -> None:
    """`worker` is the number of one of several web workers: each of its lines has it."""
    who = "" if worker is None else f"worker {worker} "
    formatter = "line" if sys.stderr.isatty() else "json"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {"format": f"%(asctime)s %(levelname)-7s {who}%(name)s: %(message)s"},
                "json": {"()": JsonLines, "worker": worker},
            },
            "filters": {"one line": {"()": _OneLine}},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": formatter},
                # A request that aiohttp's parser refuses would print a traceback and the bytes.
                "server": {
                    "class": "logging.StreamHandler",
                    "formatter": formatter,
                    "filters": ["one line"],
                },
            },
            "loggers": {
                "aiohttp.server": {"handlers": ["server"], "propagate": False},
                "aiohttp.access": {"level": "CRITICAL"},
                # It warns of every subprotocol that is asked for and not spoken.
                "aiohttp.websocket": {"level": "ERROR"},
            },
            "root": {"level": level, "handlers": ["stderr"]},
        }
    )
    # What would be written past the loggers is a line like any other.
    logging.captureWarnings(True)
    if formatter == "json":
        sys.excepthook = _log_crash


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, event and, where there are, the web
    worker's number and the exception.
    A line of the audit has its facts as members.

    All of it ASCII, so that nothing in it steers a terminal or ends the line.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            **self._worker,
            "logger": record.name,
            "event": _cut(record.getMessage(), _LONGEST_EVENT),
        }
        line |= getattr(record, "audit", {})
        if record.exc_info:
            line["exception"] = _cut(self.formatException(record.exc_info), _LONGEST_EXCEPTION)
        return json.dumps(line, ensure_ascii=True)


def _cut(text: str, longest: int) -> str:
    """The beginning and the end: a traceback says at its end what went wrong."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} ... {text[-half:]}"


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logging.getLogger(__name__).critical("the process crashed", exc_info=(kind, error, trace))


class _OneLine(logging.Filter):
    """Keeps what happened and drops what was sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[0] if record.exc_info else None
        record.msg = f"a request could not be read ({error.__name__ if error else 'unknown'})"
        record.args = ()
        record.exc_info = None
        return True
