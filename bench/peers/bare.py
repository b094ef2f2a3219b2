"""The ceiling of an aiohttp process: the same routes without any of our work.

A post's JSON is decoded as ours is, and answered; a page is a constant of fifty messages. The loop and
the settings of Python's collector are ours, so that what differs is the work. Prints its port.
"""

import asyncio
import gc

import msgspec
import uvloop
from aiohttp import web

from web.body import PostBody

_MESSAGE = (
    b'{"id":"1795499626395-0","room":"lobby","author":"somebody","text":"%b",'
    b'"created_at":1795499626395,"expires_at":1795500526395}' % (b"x" * 100)
)
_PAGE = b'{"now":1795499626395,"cursor":"1795499626395-0","messages":[%b]}' % b",".join(
    [_MESSAGE] * 50
)
_decode = msgspec.json.Decoder(PostBody).decode


async def _post(request: web.Request) -> web.Response:
    _decode(await request.read())
    return web.Response(body=_MESSAGE, status=201, content_type="application/json")


async def _page(_: web.Request) -> web.Response:
    return web.Response(body=_PAGE, content_type="application/json")


async def _serve() -> None:
    app = web.Application()
    app.router.add_post("/api/rooms/{room}/messages", _post)
    app.router.add_get("/api/rooms/{room}/messages", _page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvloop.run(_serve())
