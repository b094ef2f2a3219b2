"""Everything that can be set: read once from the environment, checked, frozen, passed on.

The only reader of os.environ.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec
import platformdirs

from messenger import durations
from messenger.errors import BadSettings

PREFIX = "MESSENGER_"
SHORTEST_WINDOW = 1_000
LONGEST_WINDOW = 365 * 86_400_000
MOST_PARTITIONS = 1_024
# 32 random bytes are 43 characters in base64 and 64 in hex (ASVS 5.0, 13.3.1).
SHORTEST_TOKEN = 32

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Rate(NamedTuple):
    """`posts` per `period` milliseconds, all at once or spread."""

    posts: int
    period: int


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What load() gives. Printed, it does not show what is secret: a password may be in a URL."""

    host: str
    port: int
    window: int
    store_url: str | None
    data_dir: Path
    durability: Literal["everysec", "always"]
    partitions: int
    post_rate: Rate | None
    max_store_mb: int | None
    admin_token: str | None
    admin_token_file: Path | None
    trusted_proxies: tuple[Network, ...]

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name in self.__struct_fields__)
        words = (f"{name}={value!r}" for name, value in shown if name not in _SECRET)
        return f"Settings({', '.join(words)})"


# Never shown: these are or may hold secrets.
_SECRET = frozenset({"admin_token", "store_url"})
_PASSWORD = re.compile("//.*@")


class Setting(NamedTuple):
    """A row of the table: `parse` raises ValueError for what is not `allowed`."""

    name: str
    default: str
    allowed: str
    help: str
    parse: Callable[[str], Any]

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise ValueError
        return int(text)

    return parse


def _window(text: str) -> int:
    ms = durations.parse(text)
    if not SHORTEST_WINDOW <= ms <= LONGEST_WINDOW:
        raise ValueError
    return ms


def _host(text: str) -> str:
    if not re.fullmatch(r"[\w.:%\-]+", text):
        raise ValueError
    return text


def _store_url(text: str) -> str | None:
    if not text:
        return None
    url = urlsplit(text)
    if not text.isprintable() or " " in text:
        raise ValueError
    if url.scheme == "unix":
        is_whole = bool(url.path) and (not url.netloc or url.netloc.endswith("@"))
    else:
        # Reading the port is what checks it.
        is_whole = url.scheme in ("redis", "rediss") and bool(url.hostname) and url.port != 0
        is_whole = is_whole and re.fullmatch(r"/?|/\d{1,5}", url.path, re.ASCII) is not None
    if not is_whole or not _are_store_options(url.query):
        raise ValueError
    return text


_STORE_OPTIONS = frozenset(
    {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
)


def _are_store_options(query: str) -> bool:
    """What may follow the address; anything else would reach the client as its own argument."""
    options = dict(parse_qsl(query, keep_blank_values=True))
    database = options.get("db", "0")
    return (
        options.keys() <= _STORE_OPTIONS
        and re.fullmatch(r"\d{1,5}", database, re.ASCII) is not None
    )


def _data_dir(text: str) -> Path:
    folder = Path(text) if text else platformdirs.user_state_path("messenger")
    return folder.expanduser().absolute()


def _durability(text: str) -> str:
    if text not in ("everysec", "always"):
        raise ValueError
    return text


def _rate(text: str) -> Rate | None:
    if text == "off":
        return None
    posts, slash, period = text.partition("/")
    parsed = Rate(_whole(1, 1_000_000)(posts), durations.parse(period))
    if not slash or not 1_000 <= parsed.period <= 86_400_000:
        raise ValueError
    return parsed


def _max_store_mb(text: str) -> int | None:
    return _whole(16, 1_000_000)(text) if text else None


def _token(text: str) -> str | None:
    if not text:
        return None
    if len(text) < SHORTEST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError
    return text


def _token_file(text: str) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


_TOKEN_FORM = f"at least {SHORTEST_TOKEN} printable ASCII characters without a space"

SETTINGS = (
    Setting(
        "host", "127.0.0.1", "a host name or an address", "where the web process listens", _host
    ),
    Setting(
        "port",
        "8000",
        "0 to 65535; 0 takes a free one",
        "the port it listens on",
        _whole(0, 65_535),
    ),
    Setting(
        "window",
        "15m",
        f"{durations.FORM}; from 1s to 365d",
        "the longest life of a message",
        _window,
    ),
    Setting(
        "store_url",
        "",
        "redis://, rediss:// or unix:// and an address; empty for the embedded store",
        "a Redis 7.0 or newer, or a Valkey, in place of the embedded store",
        _store_url,
    ),
    Setting(
        "data_dir",
        "",
        "a folder; empty for the platform's state folder",
        "where the embedded store keeps its files",
        _data_dir,
    ),
    Setting(
        "durability",
        "everysec",
        "everysec or always",
        "when the embedded store syncs to disk: a power cut loses two seconds at most, or nothing",
        _durability,
    ),
    Setting(
        "partitions",
        "1",
        f"1 to {MOST_PARTITIONS}",
        "how many logs the rooms are spread over; fixed when a store is first used",
        _whole(1, MOST_PARTITIONS),
    ),
    Setting(
        "post_rate",
        "20/10s",
        "posts/duration (1 to 1000000, over 1s to 1d), or off",
        "how fast one visitor may post",
        _rate,
    ),
    Setting(
        "max_store_mb",
        "",
        "16 to 1000000, or empty for no limit",
        "the most memory the embedded store takes; past it posts are refused, and reads go on",
        _max_store_mb,
    ),
    Setting(
        "admin_token",
        "",
        _TOKEN_FORM,
        "the operator's token: may erase any message",
        _token,
    ),
    Setting(
        "admin_token_file",
        "",
        f"a file that others can't read, holding {_TOKEN_FORM}",
        "a file to read the operator's token from",
        _token_file,
    ),
    Setting(
        "trusted_proxies",
        "",
        "addresses or networks, with commas between",
        "proxies whose X-Forwarded-For is believed",
        _networks,
    ),
)


def load(given: Mapping[str, str | None] | None = None) -> Settings:
    """The settings of this process: `given` (by a setting's name) over the environment.

    Raises BadSettings, one line that names the variable, its value and what is allowed.
    """
    environment = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    _refuse_unknown(environment)
    values = {}
    for setting in SETTINGS:
        text = (given or {}).get(setting.name)
        if text is None:
            text = environment.get(setting.variable, setting.default)
        values[setting.name] = _parse(setting, text)
    return _with_token(Settings(**values))


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = [setting.variable for setting in SETTINGS]
    for name in sorted(set(environment) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise BadSettings(f"{name} is not a setting; {meant}allowed are {', '.join(known)}")


def _parse(setting: Setting, text: str) -> Any:  # noqa: ANN401  each setting has its own type
    try:
        return setting.parse(text)
    except ValueError:
        shown = "(not shown)" if "token" in setting.name else repr(_PASSWORD.sub("//...@", text))
        raise BadSettings(f"{setting.variable} is {shown}; allowed: {setting.allowed}") from None


def _with_token(settings: Settings) -> Settings:
    """Reads the operator's token from its file, if that is where it is kept."""
    path = settings.admin_token_file
    if path is None:
        return settings
    if settings.admin_token is not None:
        raise BadSettings(
            "MESSENGER_ADMIN_TOKEN and MESSENGER_ADMIN_TOKEN_FILE: only one may be set"
        )
    try:
        mode, text = path.stat().st_mode, path.read_text("ascii").strip()
        token = _token(text)
    except (OSError, ValueError):
        mode, token = 0, None
    if token is None or mode & 0o077:
        raise BadSettings(
            f"MESSENGER_ADMIN_TOKEN_FILE is {str(path)!r}; "
            f"allowed: a file that others can't read (chmod 600), holding {_TOKEN_FORM}"
        )
    return msgspec.structs.replace(settings, admin_token=token)
