"""What the text of each setting may be: a parser for each kind, which raises ValueError for all else."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import platformdirs

from messenger import durations
from messenger.address import SENTINEL_OPTIONS, parse_group

SHORTEST_WINDOW = 1_000
LONGEST_WINDOW = 365 * 86_400_000
MOST_PARTITIONS = 1_024
MOST_REPLICAS = 16
# 32 random bytes are 43 characters in base64 and 64 in hex (ASVS 5.0, 13.3.1).
SHORTEST_TOKEN = 32
TOKEN_FORM = f"at least {SHORTEST_TOKEN} printable ASCII characters without a space"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_STORE_OPTIONS = frozenset(
    {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
)


class Rate(NamedTuple):
    """`posts` per `period` milliseconds, all at once or spread."""

    posts: int
    period: int


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise ValueError
        return int(text)

    return parse


def window(text: str) -> int:
    ms = durations.parse(text)
    if not SHORTEST_WINDOW <= ms <= LONGEST_WINDOW:
        raise ValueError
    return ms


def host(text: str) -> str:
    if not re.fullmatch(r"[\w.:%\-]+", text):
        raise ValueError
    return text


def store_url(text: str) -> str | None:
    if not text:
        return None
    url = urlsplit(text)
    if not text.isprintable() or " " in text:
        raise ValueError
    scheme, _, kind = url.scheme.partition("+")
    more: frozenset[str] = frozenset()
    if "+" in url.scheme:
        # Reading it is what checks the hosts and ports.
        parse_group(text)
        form = {"cluster": r"/?", "sentinel": r"/[\w.\-]+(/\d{1,5})?"}.get(kind, "-")
        is_whole = scheme in ("redis", "rediss") and _is_form(form, url.path)
        more = frozenset(SENTINEL_OPTIONS) if kind == "sentinel" else more
    elif scheme == "unix":
        is_whole = bool(url.path) and (not url.netloc or url.netloc.endswith("@"))
    else:
        # Reading the port is what checks it.
        is_whole = scheme in ("redis", "rediss") and bool(url.hostname) and url.port != 0
        is_whole = is_whole and _is_form(r"/?|/\d{1,5}", url.path)
    if not is_whole or not _are_store_options(url.query, more, has_databases=kind != "cluster"):
        raise ValueError
    return text


def _is_form(form: str, text: str) -> bool:
    return re.fullmatch(form, text, re.ASCII) is not None


def _are_store_options(query: str, more: frozenset[str], *, has_databases: bool) -> bool:
    """What may follow the address; anything else would reach the client as its own argument."""
    options = dict(parse_qsl(query, keep_blank_values=True))
    database = options.get("db", "0")
    allowed = (_STORE_OPTIONS | more) - (set() if has_databases else {"db"})
    return options.keys() <= allowed and _is_form(r"\d{1,5}", database)


def data_dir(text: str) -> Path:
    folder = Path(text) if text else platformdirs.user_state_path("messenger")
    return folder.expanduser().absolute()


def durability(text: str) -> str:
    if text not in ("everysec", "always"):
        raise ValueError
    return text


def rate(text: str) -> Rate | None:
    if text == "off":
        return None
    posts, slash, period = text.partition("/")
    parsed = Rate(whole(1, 1_000_000)(posts), durations.parse(period))
    if not slash or not 1_000 <= parsed.period <= 86_400_000:
        raise ValueError
    return parsed


def limit(text: str) -> int | None:
    return None if text == "off" else whole(1, 1_000_000)(text)


def switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError
    return text == "on"


def max_store_mb(text: str) -> int | None:
    return whole(16, 1_000_000)(text) if text else None


def token(text: str) -> str | None:
    if not text:
        return None
    if len(text) < SHORTEST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError
    return text


def read_secret(path: Path) -> str:
    """A secret that a file holds; ValueError or OSError unless others can't read it and it is one."""
    found = token(path.read_text("ascii").strip())
    if found is None or path.stat().st_mode & 0o077:
        raise ValueError
    return found


def token_file(text: str) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
