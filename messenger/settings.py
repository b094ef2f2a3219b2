"""Everything that can be set: read once from the environment, checked, frozen, passed on.

The only reader of os.environ.
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from messenger import durations, values
from messenger.errors import BadSettings

PREFIX = "MESSENGER_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What load() gives. Printed, it does not show what is secret: a password may be in a URL."""

    host: str
    port: int
    window: int
    store_url: str | None
    data_dir: Path
    durability: Literal["everysec", "always"]
    replicas: int
    partitions: int
    post_rate: values.Rate | None
    room_rate: values.Rate | None
    new_room_rate: values.Rate | None
    visitor_connections: int | None
    max_store_mb: int | None
    admin_token: str | None
    admin_token_file: Path | None
    trusted_proxies: tuple[values.Network, ...]
    tracing: bool

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name in self.__struct_fields__)
        words = (f"{name}={value!r}" for name, value in shown if name not in _SECRET)
        return f"Settings({', '.join(words)})"


# Never shown: these are or may hold secrets.
_SECRET = frozenset({"admin_token", "store_url"})
_PASSWORD = re.compile("(?<=//).*(?=@)|(?<=sentinel_password=)[^&]*")


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


SETTINGS = (
    Setting(
        "host",
        "127.0.0.1",
        "a host name or an address",
        "where the web process listens",
        values.host,
    ),
    Setting(
        "port",
        "8000",
        "0 to 65535; 0 takes a free one",
        "the port it listens on",
        values.whole(0, 65_535),
    ),
    Setting(
        "window",
        "15m",
        f"{durations.FORM}; from 1s to 365d",
        "the longest life of a message",
        values.window,
    ),
    Setting(
        "store_url",
        "",
        "redis://, rediss:// or unix:// and an address, redis+cluster:// and some of its servers, "
        "redis+sentinel:// and some of the sentinels, with /NAME; empty for the embedded store",
        "a Redis 7.0 or newer, or a Valkey, in place of the embedded store",
        values.store_url,
    ),
    Setting(
        "data_dir",
        "",
        "a folder; empty for the platform's state folder",
        "where the embedded store keeps its files",
        values.data_dir,
    ),
    Setting(
        "durability",
        "everysec",
        "everysec or always",
        "when the embedded store syncs to disk: a power cut loses two seconds at most, or nothing",
        values.durability,
    ),
    Setting(
        "replicas",
        "0",
        f"0 to {values.MOST_REPLICAS}",
        "how many replicas of the store must have a message before it is accepted (docs/store.md)",
        values.whole(0, values.MOST_REPLICAS),
    ),
    Setting(
        "partitions",
        "1",
        f"1 to {values.MOST_PARTITIONS}",
        "how many logs the rooms of a new store are spread over",
        values.whole(1, values.MOST_PARTITIONS),
    ),
    Setting(
        "post_rate",
        "20/10s",
        "posts/duration (1 to 1000000, over 1s to 1d), or off",
        "how fast one visitor may post",
        values.rate,
    ),
    Setting(
        "room_rate",
        "1000/10s",
        "posts/duration (1 to 1000000, over 1s to 1d), or off",
        "how fast one room may be posted to, by all visitors together",
        values.rate,
    ),
    Setting(
        "new_room_rate",
        "60/10m",
        "rooms/duration (1 to 1000000, over 1s to 1d), or off",
        "how fast one visitor may open rooms: post where nobody has for a window",
        values.rate,
    ),
    Setting(
        "visitor_connections",
        "200",
        "1 to 1000000, or off",
        "how many streams, sockets and waiting polls one visitor may have open at each web process",
        values.limit,
    ),
    Setting(
        "max_store_mb",
        "",
        "16 to 1000000, or empty for no limit",
        "the most memory the embedded store takes; near it the oldest messages are cut early",
        values.max_store_mb,
    ),
    Setting(
        "admin_token",
        "",
        values.TOKEN_FORM,
        "the operator's token: may erase any message, listen to all rooms, replay them and open /ops",
        values.token,
    ),
    Setting(
        "admin_token_file",
        "",
        f"a file that others can't read, holding {values.TOKEN_FORM}",
        "a file to read the operator's token from",
        values.token_file,
    ),
    Setting(
        "trusted_proxies",
        "",
        "addresses or networks, with commas between",
        "proxies whose X-Forwarded-For and X-Forwarded-Proto are believed",
        values.networks,
    ),
    Setting(
        "tracing",
        "off",
        "on or off",
        "traces posts with OpenTelemetry, from the request to the view (docs/operations.md)",
        values.switch,
    ),
)


def load(
    given: Mapping[str, str | None] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings of this process: `given` (by a setting's name) over the environment, which is that
    of the process unless another is given.

    Raises BadSettings, one line that names the variable, its value and what is allowed.
    """
    around = os.environ if environment is None else environment
    environment = {name: value for name, value in around.items() if name.startswith(PREFIX)}
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
        shown = "(not shown)" if "token" in setting.name else repr(_PASSWORD.sub("...", text))
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
        token = values.read_secret(path)
    except (OSError, ValueError):
        raise BadSettings(
            f"MESSENGER_ADMIN_TOKEN_FILE is {str(path)!r}; "
            f"allowed: a file that others can't read (chmod 600), holding {values.TOKEN_FORM}"
        ) from None
    return msgspec.structs.replace(settings, admin_token=token)


def environment_with(name: str, value: str | None) -> dict[str, str]:
    """Our environment for a program that we start, with a variable of its own, or without it."""
    ours = {each: kept for each, kept in os.environ.items() if each != name}
    return ours if value is None else {**ours, name: value}
