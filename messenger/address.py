"""Where a store is, and how one is greeted there."""

import asyncio
import ssl
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio.connection import parse_url

Argument = bytes | str | int | float

CLUSTER, SENTINEL = "+cluster", "+sentinel"
# In a URL of sentinels: who we are to them. All else in it is for the store.
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
_PORT, _SENTINEL_PORT = 6379, 26379


class Address(NamedTuple):
    """Where a server is, from its URL. `is_told`: it was named by sentinels, which may be behind, so
    the server itself is asked for its role."""

    options: dict[str, Any]
    is_told: bool = False

    @classmethod
    def parse(cls, url: str) -> "Address":
        return cls(dict(parse_url(url)))

    @property
    def name(self) -> str:
        """The server's name for people, and among others."""
        if "path" in self.options:
            return str(self.options["path"])
        host, port = self.options.get("host", "localhost"), self.options.get("port", _PORT)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def at(self, host: str, port: int, *, is_told: bool = False) -> "Address":
        """Another server, which is greeted as this one is."""
        return Address({**self.options, "host": host, "port": port}, is_told)

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context that the URL's ssl_ options ask for; None for a plain connection."""
        if "SSL" not in self.options.get("connection_class", type(None)).__name__:
            return None
        context = ssl.create_default_context(cafile=self.options.get("ssl_ca_certs"))
        if self.options.get("ssl_check_hostname") is False:
            context.check_hostname = False
        if self.options.get("ssl_cert_reqs") == "none":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if "ssl_certfile" in self.options:
            context.load_cert_chain(self.options["ssl_certfile"], self.options.get("ssl_keyfile"))
        return context

    async def dial(self, protocol: asyncio.BaseProtocol) -> None:
        """Connects the protocol. Raises OSError."""
        loop = asyncio.get_running_loop()
        if "path" in self.options:
            await loop.create_unix_connection(lambda: protocol, self.options["path"])
            return
        host, port = self.options.get("host", "localhost"), self.options.get("port", _PORT)
        await loop.create_connection(lambda: protocol, host, port, ssl=self.tls())

    def greeting(self) -> list[tuple[Argument, ...]]:
        """The commands that a new connection begins with."""
        commands: list[tuple[Argument, ...]] = []
        if self.options.get("password"):
            user = self.options.get("username")
            commands.append(("AUTH", *((user,) if user else ()), self.options["password"]))
        if self.options.get("db"):
            commands.append(("SELECT", int(self.options["db"])))
        commands.append(("CLIENT", "SETNAME", "messenger-pipe"))
        if self.is_told:
            # Every user may ask this, and the reply has the role.
            commands.append(("HELLO",))
        return commands


class Group(NamedTuple):
    """What a URL of several servers says. `asked` are the cluster's servers, or the sentinels, that
    may be asked for the others; `store` how the store's servers are greeted."""

    asked: tuple[Address, ...]
    store: Address
    name: str


def is_of_cluster(url: str) -> bool:
    return urlsplit(url).scheme.endswith(CLUSTER)


def is_of_sentinels(url: str) -> bool:
    return urlsplit(url).scheme.endswith(SENTINEL)


def parse_group(url: str) -> Group:
    """Reads redis+cluster://host:port,... and redis+sentinel://host:port,.../NAME/db, with or without
    TLS (rediss). Raises ValueError."""
    parts = urlsplit(url)
    scheme, _, kind = parts.scheme.partition("+")
    login, _, hosts = parts.netloc.rpartition("@")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    ours = [options.pop(each, "") for each in SENTINEL_OPTIONS]
    name, _, database = parts.path.strip("/").partition("/")
    store = _address(scheme, f"{login}@" if login else "", "localhost", options)
    if database:
        store.options["db"] = int(database)
    if kind == "cluster":
        asked = [store.at(*place) for place in _places(hosts, _PORT)]
        return Group(tuple(asked), store, "")
    sentinel = Address({**store.options, "db": 0, "username": ours[0], "password": ours[1]})
    asked = [sentinel.at(*place) for place in _places(hosts, _SENTINEL_PORT)]
    return Group(tuple(asked), store, name)


def _address(scheme: str, login: str, host: str, options: dict[str, str]) -> Address:
    query = f"?{urlencode(options)}" if options else ""
    return Address.parse(f"{scheme}://{login}{host}{query}")


def _places(hosts: str, usual: int) -> list[tuple[str, int]]:
    """The hosts and ports of a list with commas."""
    found = []
    for each in hosts.split(","):
        place = urlsplit(f"//{each}")
        if not place.hostname or place.port == 0 or "@" in each:
            raise ValueError
        found.append((place.hostname, place.port or usual))
    return found
