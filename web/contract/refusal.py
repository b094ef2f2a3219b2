"""A refusal as the documents tell of it: a stable code, its status, and an example of its problem."""

from collections.abc import Mapping
from typing import Any

import msgspec

from messenger.errors import MessengerError
from web import problems


class Refusal(msgspec.Struct, frozen=True):
    """A code. `kind` is its class in the tree of errors, or None for what is answered without it.
    `detail` and `facts` are those of an example."""

    name: str
    kind: type[MessengerError] | None
    meaning: str
    advice: str
    detail: str
    facts: Mapping[str, str | int] = {}

    @property
    def status(self) -> int:
        """The HTTP status; 400 stands for any of the 4xx where there is none of its own."""
        return self._status_and_title()[0]

    def problem(self, path: str) -> dict[str, Any]:
        """A problem as it is sent."""
        status, title = self._status_and_title()
        return problems.body_of(status, self.name, title, self.detail, path, self.facts)

    def _status_and_title(self) -> tuple[int, str]:
        if self.kind is None:
            return next((status, title) for status, name, title, _ in _OWN if name == self.name)
        found = problems.status_of_code(self.kind, self.name)
        assert found is not None, f"{self.name} has no status"
        return found


_OWN = (
    problems.UNREAD,
    problems.CRASH,
    (400, "refused", "Bad Request", "the request was refused"),
    *((status, *words) for status, words in problems.FRAMEWORK.items()),
)
