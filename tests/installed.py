"""Programs of the system's own packages, which .ci/run installs."""

import os
import shutil

import pytest


def installed(*names: str) -> str:
    """The first of these on PATH; without one a test is skipped on a person's machine, and fails in
    CI."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        words = f"there is no {names[0]} on PATH; .ci/run installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found
