"""Passwords of the store's users, kept in files that others can't read, a file a user."""

import os
import secrets
from pathlib import Path

from messenger import values
from messenger.errors import BadSettings


def make() -> str:
    """A new password: 256 random bits, in characters that need no escape in a URL."""
    return secrets.token_urlsafe(32)


def of(folder: Path, user: str) -> str:
    """The password of a user, from the file of that name; made and written if there is none.

    Raises BadSettings for a folder or a file that can't be used, or that others can read.
    """
    path = folder / user
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write(path, make())
        return values.read_secret(path)
    except (OSError, ValueError):
        raise BadSettings(
            f"the password file is {str(path)!r}; allowed: a file that others can't read "
            f"(chmod 600), holding {values.TOKEN_FORM}, or a folder to write it in"
        ) from None


def _write(path: Path, password: str) -> None:
    """Whole or not at all: what was given to a store must not be lost half-way."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
