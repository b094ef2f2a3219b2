"""A projector by hand, for tests that run no worker."""

from consumers.projector import Projector
from messenger.keys import PROJECTOR
from messenger.log import Log


async def project_all(log: Log, projector: Projector | None = None) -> None:
    """Steps until the projector's group was given all of the log; what others hold is theirs."""
    projector = projector or Projector(log)
    while await _is_behind(log):
        await projector.step()


async def _is_behind(log: Log) -> bool:
    groups = await log.store.client.xinfo_groups(log.keys.log)
    (delivered,) = (
        each["last-delivered-id"] for each in groups if each["name"] == PROJECTOR.encode()
    )
    return bool(await log.store.client.xrange(log.keys.log, f"({delivered.decode()}", "+", 1))
