"""Readiness and the figures of the store are not held up by what takes long to count."""

import asyncio

import pytest

from consumers.groups import GroupStats
from messenger.log import Logs
from tests.serving import Messenger
from web import operations


async def _never(_: Logs) -> list[GroupStats]:
    await asyncio.Event().wait()
    return []


async def _told(messenger: Messenger, path: str) -> str:
    async with messenger.session.get(messenger.url + path) as response:
        assert response.status == 200
        return await response.text()


async def test_groups_that_take_long_to_count_hold_up_nothing(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many groups far behind, as a program leaves them that is not run any more: the process is ready
    all the same and its other figures are told, so that nobody is woken."""
    assert 'messenger_group_lag_entries{group="projector"' in await _told(messenger, "/metrics")
    monkeypatch.setattr(operations, "read_group_stats", _never)
    assert '"ready"' in await _told(messenger, "/health/ready")
    figures = await _told(messenger, "/metrics")
    assert "messenger_store_up 1.0" in figures
    assert 'messenger_log_entries{partition="0"}' in figures
    assert "messenger_group_lag_entries{" not in figures
