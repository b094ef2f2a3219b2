"""How many listen in each room of a partition: to this process, and, as last heard, to the others."""

from collections.abc import Mapping


class Here:
    """`own` are this process's readers by room; `version` is another whenever they are. `changed` are
    the rooms whose number may be another than their readers were told."""

    def __init__(self) -> None:
        self.own: dict[str, int] = {}
        self.version = 0
        self.changed: set[str] = set()
        self._others: dict[str, Mapping[str, int]] = {}
        self._elsewhere: dict[str, int] = {}

    def count(self, room: str) -> int:
        """How many are in the room, over all processes."""
        return self.own.get(room, 0) + self._elsewhere.get(room, 0)

    def listen(self, room: str, readers: int) -> None:
        """So many listen to this process now."""
        if readers:
            self.own[room] = readers
        else:
            self.own.pop(room, None)
        self.version += 1
        self.changed.add(room)

    def learn(self, process: str, rooms: Mapping[str, int]) -> None:
        """Takes in what another process has; nothing when it has gone."""
        before = self._others.pop(process, {})
        if rooms:
            self._others[process] = rooms
        for room in before.keys() | rooms.keys():
            change = rooms.get(room, 0) - before.get(room, 0)
            if change:
                self.changed.add(room)
                self._elsewhere[room] = self._elsewhere.get(room, 0) + change
                if not self._elsewhere[room]:
                    del self._elsewhere[room]
