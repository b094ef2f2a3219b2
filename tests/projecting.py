"""A projector by hand, for tests that run no worker."""

from consumers.groups import facts_of_groups
from consumers.projector import Projector
from messenger.entries import EntryId
from messenger.keys import PROJECTOR
from messenger.log import Log


async def project_all(log: Log, projector: Projector | None = None) -> None:
    """Steps until the projector's group was given all of the log; what others hold is theirs."""
    projector = projector or Projector(log)
    while await _is_behind(log):
        await projector.step()


async def _is_behind(log: Log) -> bool:
    (delivered,) = (
        each["last-delivered-id"]
        for each in await facts_of_groups(log)
        if each["name"] == PROJECTOR.encode()
    )
    return bool(await log.range(EntryId.read(delivered), count=1))
