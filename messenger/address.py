"""Where a store is, and how one is greeted there."""

import ssl
from typing import Any, NamedTuple

from redis.asyncio.connection import parse_url

Argument = bytes | str | int | float


class Address(NamedTuple):
    """Where a store is, from its URL."""

    options: dict[str, Any]

    @classmethod
    def parse(cls, url: str) -> "Address":
        return cls(dict(parse_url(url)))

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context that the URL's ssl_ options ask for; None for a plain connection."""
        if "SSL" not in self.options.get("connection_class", type(None)).__name__:
            return None
        context = ssl.create_default_context(cafile=self.options.get("ssl_ca_certs"))
        if self.options.get("ssl_cert_reqs") == "none":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if "ssl_certfile" in self.options:
            context.load_cert_chain(self.options["ssl_certfile"], self.options.get("ssl_keyfile"))
        return context

    def greeting(self) -> list[tuple[Argument, ...]]:
        """The commands that a new connection begins with."""
        commands: list[tuple[Argument, ...]] = []
        if self.options.get("password"):
            user = self.options.get("username")
            commands.append(("AUTH", *((user,) if user else ()), self.options["password"]))
        if self.options.get("db"):
            commands.append(("SELECT", int(self.options["db"])))
        commands.append(("CLIENT", "SETNAME", "messenger-pipe"))
        return commands
