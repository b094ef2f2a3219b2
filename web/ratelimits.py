"""RateLimit fields: what is allowed and what is left, by draft-ietf-httpapi-ratelimit-headers-10."""

from collections.abc import Sequence
from functools import lru_cache

from messenger.standing import Standing
from messenger.values import Rate


def fields(standings: Sequence[Standing]) -> dict[str, str]:
    """One item for each limit, the visitor's first; nothing where nothing is limited."""
    if not standings:
        return {}
    return {
        "RateLimit-Policy": ", ".join(_policy(each.name, each.rate) for each in standings),
        "RateLimit": ", ".join(
            f'"{each.name}";r={each.left};t={-(-each.reset_ms // 1_000)}' for each in standings
        ),
    }


@lru_cache
def _policy(name: str, rate: Rate) -> str:
    """A quota and its window in whole seconds."""
    return f'"{name}";q={rate.posts};w={-(-rate.period // 1_000)}'
