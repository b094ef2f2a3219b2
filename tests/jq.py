"""jq, which the shell examples use."""

import os
import shutil

import pytest


def need_jq() -> None:
    """Without it a test is skipped on a person's machine, and fails in CI."""
    if shutil.which("jq") is None:
        words = "there is no jq on PATH; .ci/run installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
