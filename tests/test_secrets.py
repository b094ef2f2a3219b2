"""No file that is kept holds a secret: no key, no service's token, no password in an address, and no
long string of chance but those that are known to open nothing."""

import math
import re
import subprocess
from collections import Counter

import pytest

from tests.sources import ROOT

# Kinds of secrets by their form, as their makers give it.
_KINDS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a cloud's key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{35}\b",
    "a forge's token": r"\b(gh[pousr]_|github_pat_|glpat-)\w{20,}",
    "a registry's token": r"\b(pypi-AgE|npm_)[\w-]{30,}",
    "a service's token": r"\bxox[baprs]-[\w-]{10,}|\bsk_live_\w{16,}|\bSG\.[\w-]{16,}\.",
    "a signed token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a password in an address": r"\b[a-z][a-z+]*://[^\s/:@\"'`{}<>$]*:[^\s/@\"'`{}<>$]{3,}@",
}
# A string of its alphabet that is long, and of which no character is likelier than another.
_CHANCE = re.compile(r"(?<![\w/+.-])(?:[0-9a-f]{32,}|(?=[^\s]*\d)[A-Za-z0-9_-]{32,})(?![\w/+.-])")
_BITS = {"hex": 3.0, "other": 4.3}
# Of our own examples and tests: what opens nothing.
_KNOWN = (
    "9b74c9897bac770ffc029102a200c5de",  # docs and contract: an erase token that no store made
    "4bf92f3577b34da6a3ce929d0e0e4736",  # docs: the trace of the W3C's own example
    "0af7651916cd43dd8448eb211c80319c",  # the same
    "09192cc8ada0cacc82815acd89af7fb8",  # the entries that must not change, as a hash
)
# Of addresses in documents and tests.
_PASSWORDS = re.compile(r":(PASSWORD|[a-z' ]{1,24}|p%40ss)@")


def _bits(text: str) -> float:
    """What a character of it says, in bits."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def is_chance(text: str) -> bool:
    kind = "hex" if re.fullmatch("[0-9a-f]+", text) else "other"
    return _bits(text) >= _BITS[kind]


def secrets(text: str) -> list[str]:
    """What looks like a secret in a file's text, by its kind and its first characters."""
    found = [
        f"{kind}: {match[0][:12]}..."
        for kind, pattern in _KINDS.items()
        for match in re.finditer(pattern, text)
        if kind != "a password in an address" or not _PASSWORDS.search(match[0])
    ]
    return found + [
        f"chance: {match[0][:12]}..."
        for match in _CHANCE.finditer(text)
        if match[0] not in _KNOWN and is_chance(match[0])
    ]


def _kept() -> list[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "-coz", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]


def test_no_secret_is_in_the_source() -> None:
    """Every file is looked through but the locks, which are hashes."""
    paths = [path for path in _kept() if not path.endswith((".lock", ".png"))]
    assert len(paths) > 300
    found = [
        f"{path}: {each}"
        for path in paths
        for each in secrets((ROOT / path).read_text(errors="replace"))
    ]
    assert found == []


# Made from pieces: this file is looked through too.
@pytest.mark.parametrize(
    "planted",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a",
        "eyJhbGciOi" + "JIUzI1NiJ9.eyJzdWIiOi" + "IxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "redis://me" + ":8fH3kd@store",
        "token = '" + "9c1185a5c5e9fc54" + "612808977ee8f548'",
        'TOKEN="' + "xQ4n8Zt2Lk9" + "Wc7Rv1Jm5Yh3Bp6Gd0SfTa'",
    ],
)
def test_a_secret_is_found(planted: str) -> None:
    """Of each kind one that is planted is found."""
    assert secrets(f"x\n{planted}\ny") != []
