"""A web process that has no supervisor: the place of one among others that it does not have."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from messenger.settings import Settings
from web.account import Account, Overall
from web.workers.listeners import BACKLOG, address_of, refused


class Alone:
    is_leaving = False

    def __init__(self, account: Callable[[], Account]) -> None:
        self._account = account

    async def listen(self, runner: web.AppRunner, settings: Settings) -> str:
        """Opens the port; its URL."""
        try:
            await web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG).start()
        except OSError as error:
            raise refused(settings, error) from None
        return address_of(runner.addresses[0])

    async def run(self, stop: asyncio.Event) -> None:
        """There is nobody to tell anything."""

    async def served(self, runner: web.AppRunner, stop: asyncio.Event) -> None:
        """Returns when it is time to stop."""
        await stop.wait()

    async def overall(self) -> Overall:
        account = self._account()
        return Overall(account=account, subscribers={1: account.subscribers})
