"""A view that is not the log: verify finds each kind of damage, rebuild mends it."""

import pytest
import redis

from consumers.differences import KINDS
from messenger.log import Logs
from tests.damages import DAMAGES, planted, rebuilt, verified
from tests.private_store import PrivateStore
from tests.raw import KEYS


def view_keys(client: redis.Redis) -> set[str]:
    """The keys of all views; those of the one in force without its generation."""
    generation = (client.hget(KEYS.meta, "view") or b"").decode()
    found = {key.decode() for key in client.keys("*:message:*") + client.keys("*:room*")}
    return {key.replace(f"view:{generation}:", "") for key in found}


@pytest.mark.parametrize("name", DAMAGES)
async def test_damage_is_found_and_mended(
    private_store: PrivateStore, logs: Logs, name: str
) -> None:
    """It is said by its kind, with what it is of, and without the message's words. After a rebuild the
    view is the log, nothing is left of the old one, and another rebuild makes the same again."""
    plant, kind = DAMAGES[name]
    with private_store.client() as client:
        there = await planted(client, logs)
        whole = view_keys(client)
        plant(there)
        # A word of what has expired is nowhere else: gone, it is gone.
        whole -= {KEYS.message(there.expired)} - view_keys(client)
        found = await verified(logs)
        assert kind in {each.kind for each in found}
        assert {each.kind for each in found} <= KINDS.keys()
        for each in found:
            assert each.message or each.room or each.minute or "list of rooms" in each.detail
            assert "text" not in str(each).replace("another text", "")
        for _ in range(2):
            await rebuilt(logs)
            assert await verified(logs) == []
            assert view_keys(client) == whole
            assert not {b"rebuild", b"building", b"beside"} & client.hgetall(KEYS.meta).keys()
