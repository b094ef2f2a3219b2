"""What a store was set up with, for those who come to one that is in use."""

import msgspec

from messenger.connection import Store
from messenger.keys import Keys
from messenger.settings import Settings


async def adopt(store: Store, settings: Settings) -> Settings | None:
    """The settings with the window and the partitions that the store was set up with, for those who
    only work beside the web process; None for a store that nobody has used yet."""
    partitions, window, window_next = await store.pipe.call(
        "HMGET", Keys(0).meta, "partitions", "window", "window_next"
    )
    if window is None or partitions is None:
        return None
    return msgspec.structs.replace(
        settings, partitions=int(partitions), window=int(window_next or window)
    )
