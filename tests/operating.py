"""The operators' page in a browser, and a log that gives it something to show."""

from playwright.async_api import Page, expect

from consumers.dead import DeadLetters
from consumers.group import Group
from messenger.log import Log
from tests.consuming import say
from tests.private_store import PrivateStore
from tests.raw import KEYS

TOKEN = "o" * 32
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


async def sign_in(page: Page, address: str, token: str = TOKEN) -> None:
    """Opens /ops and gives it the token."""
    await page.goto(f"{address}/ops")
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Open").click()


async def watch(page: Page, address: str) -> None:
    """The same, and waits until figures, groups and letters were shown."""
    await sign_in(page, address)
    await expect(page.locator("#status")).to_have_text("Live")
    await expect(page.locator("#groups tr").first).to_be_visible()


async def bury(store: PrivateStore, log: Log, *texts: str, group: str = "mailer") -> list[str]:
    """Posts texts that a group gives up on, with three attempts each; the ids of their entries."""
    with store.client() as client:
        if group not in {each["name"].decode() for each in client.xinfo_groups(KEYS.log)}:
            client.xgroup_create(KEYS.log, group, "$")
    ids = await say(log, *texts)
    dead = DeadLetters(log, group)
    for entry in await Group(log, group).new():
        assert await dead.bury(entry.id, "SMTPServerDisconnected: the mail server hung up", 3)
    return ids
