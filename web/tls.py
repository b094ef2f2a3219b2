"""Behind TLS: who came by https is told to come by nothing else for a year (RFC 6797).

Our own port speaks plain HTTP, so only a proxy knows. It is believed if it is a trusted one. Browsers
pass the field over where it comes by plain HTTP.
"""

from aiohttp import web

from web.appkeys import SETTINGS, VISITORS

FIELD, YEAR = "Strict-Transport-Security", "max-age=31536000"


def watch(app: web.Application) -> None:
    """Nothing is looked at where no proxy is trusted."""
    if app[SETTINGS].trusted_proxies:
        app.on_response_prepare.append(_tell)


async def _tell(request: web.Request, response: web.StreamResponse) -> None:
    if "X-Forwarded-Proto" not in request.headers or not request.app[VISITORS].trusts(request):
        return
    said = ",".join(request.headers.getall("X-Forwarded-Proto")).lower()
    if "https" in map(str.strip, said.split(",")):
        response.headers.setdefault(FIELD, YEAR)
