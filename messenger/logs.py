"""What the process says of itself: lines on standard error. Never a message's text, never a token."""

import logging
import logging.config


def configure(level: str = "INFO") -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
            "filters": {"one line": {"()": _OneLine}},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
                # A request that aiohttp's parser refuses would print a traceback and the bytes.
                "server": {
                    "class": "logging.StreamHandler",
                    "formatter": "line",
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


class _OneLine(logging.Filter):
    """Keeps what happened and drops what was sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[0] if record.exc_info else None
        record.msg = f"a request could not be read ({error.__name__ if error else 'unknown'})"
        record.args = ()
        record.exc_info = None
        return True
