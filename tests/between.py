"""Stands between a page and the server: what becomes of its posts."""

from collections.abc import Callable

from playwright.async_api import Page, Route

MESSAGES = "**/api/rooms/*/messages"
# A browser tells of each answer that is an error, and of each request that got none.
FAILED = "Failed to load resource"


class Posts:
    """`does` says what becomes of each post; the keys of all
    are kept."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def watch(self, page: Page, *does: Callable[[Route], object]) -> None:
        todo = list(does)

        async def handle(route: Route) -> None:
            if route.request.method != "POST":
                await route.continue_()
                return
            self.keys.append(route.request.headers["idempotency-key"])
            act = todo.pop(0) if len(todo) > 1 else todo[0]
            await act(route)  # type: ignore[misc]

        await page.route(MESSAGES, handle)


async def passes(route: Route) -> None:
    await route.continue_()


async def is_lost(route: Route) -> None:
    await route.abort()


async def loses_the_answer(route: Route) -> None:
    """The server has the post, and the page never hears of it."""
    await route.fetch()
    await route.abort()


async def is_refused(route: Route) -> None:
    problem = {"title": "Bad field", "detail": "the text is not to our taste", "status": 422}
    await route.fulfill(status=422, json=problem)


async def nothing_waits(page: Page) -> bool:
    return await page.evaluate('sessionStorage.getItem("outbox:lobby")') is None
