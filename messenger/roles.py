"""What each process may do in the store.

`messenger acl` makes the store's users of it, and each process looks at its start whether its user may
make these calls. A command that our code sends and that is in no role fails the tests.
"""

from collections.abc import Mapping
from types import MappingProxyType

from messenger.right import Rights
from messenger.rights_of_commands import COPY, DIG, READ_LOG, REBUILD, REPLAY, VERIFY
from messenger.rights_of_commands import group as group_rights
from messenger.rights_of_processes import (
    APPEND,
    BURY,
    CONNECT,
    CUT,
    ERASE,
    FIGURES,
    HERE,
    LOOK,
    PROJECT,
    READ_VIEW,
    REDELIVER,
    SETTLE,
    SWEEP,
    TAIL,
)
from messenger.rights_of_repartition import MOVE, REPARTITION

_SERVE = (*APPEND, *ERASE, *READ_VIEW, *HERE, *TAIL, *REPLAY, *FIGURES, *DIG)
_WEB = (*CONNECT, *LOOK, *SETTLE, *_SERVE)
_LOOK_AFTER = (*READ_VIEW, *TAIL, *REPLAY, *FIGURES, *DIG, *VERIFY, *REBUILD)
_WORKER = (*CONNECT, *LOOK, *SETTLE, *PROJECT, *REDELIVER, *BURY, *SWEEP, *CUT, *MOVE)

ROLES: Mapping[str, Rights] = MappingProxyType(
    {
        "web": _WEB,
        "worker": _WORKER,
        # `messenger up` on a store that is not the embedded one.
        "up": (*_WEB, *_WORKER),
        "operator": (*CONNECT, *LOOK, *SETTLE, *_LOOK_AFTER),
        # `messenger repartition`.
        "repartition": (*CONNECT, *LOOK, *SETTLE, *REPARTITION),
        # `messenger replay --to` this store.
        "copy": (*CONNECT, *LOOK, *SETTLE, *COPY, *ERASE),
        "downstream": (*CONNECT, *READ_LOG),
    }
)


def rights_of(role: str, group: str | None = None) -> Rights:
    """The rights of a role; with a group, those of a downstream program that has it."""
    own = group_rights(group) if group is not None else ()
    return (*ROLES[role], *own)
