"""compose.yaml and the Dockerfile, as far as they can be tried where no engine runs."""

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from messenger import checks, embedded, settings
from messenger.cli.main import cli
from messenger.connection import Store
from tests.sources import ROOT
from tests.waiting import wait_until

_COMPOSE = ROOT / "compose.yaml"
# What our promises hang on; the rest of the embedded store's options is about where it runs.
_SAME = (
    "appendonly",
    "appendfsync",
    "aof-use-rdb-preamble",
    "crash-log-enabled",
    "hz",
    "maxmemory-policy",
    "save",
    "slowlog-max-len",
    "stream-node-max-entries",
)


def _services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(_COMPOSE.read_text())["services"]
    return services


def _options(words: list[str]) -> dict[str, str]:
    """A server's options by name: `--name value`, again and again."""
    assert [word[:2] for word in words[::2]] == ["--"] * (len(words) // 2)
    return dict(zip([word[2:] for word in words[::2]], words[1::2], strict=True))


def _fits_the_schema(path: Path) -> bool:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return subprocess.run([*command, str(path)], capture_output=True).returncode == 0


def test_compose_fits_the_schema() -> None:
    """compose.yaml is what an engine understands."""
    assert _fits_the_schema(_COMPOSE)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("services:", "servces:"),
        ("  web:\n    build: .", "  web:\n    build: 1"),
        ("test:", "tset:"),
    ],
)
def test_a_broken_compose_does_not_fit(good: str, bad: str, tmp_path: Path) -> None:
    """The schema refuses a mistake, so that its consent means something."""
    broken = tmp_path / "compose.yaml"
    assert good in _COMPOSE.read_text()
    broken.write_text(_COMPOSE.read_text().replace(good, bad))
    assert not _fits_the_schema(broken)


def test_what_compose_refers_to_is_there() -> None:
    """Services wait for services that are there and tell their health; volumes are declared, and files
    and folders that are mounted are there, to be read only."""
    services = _services()
    volumes = yaml.safe_load(_COMPOSE.read_text())["volumes"]
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[name]
        for volume in service.get("volumes", []):
            source, how = volume.split(":")[0], volume.split(":")[-1]
            assert source in volumes or (ROOT / source).exists()
            assert source in volumes or how == "ro"
    usual = {name for name, service in services.items() if "profiles" not in service}
    assert usual == {"store", "web", "worker"}
    by_profile = {name: services[name]["profiles"] for name in set(services) - usual}
    assert {name for name, of in by_profile.items() if of == ["monitoring"]} == {
        "prometheus",
        "grafana",
    }
    assert {name for name, of in by_profile.items() if of == ["cluster"]} == {
        *(f"node-{number}" for number in range(1, 7)),
        *("cluster", "web-cluster", "worker-cluster", "proxy"),
    }
    assert set(services["web"]["depends_on"]) == set(services["worker"]["depends_on"]) == {"store"}


def test_only_the_web_is_to_be_reached() -> None:
    """The store has no port on the host, and starts with its data where the volume is. What watches
    has one, when it is asked for; all are for this machine alone."""
    services = _services()
    reached = [name for name, service in services.items() if "ports" in service]
    assert reached == ["web", "prometheus", "grafana", "proxy"]
    ports = [port for name in reached for port in services[name]["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert [volume.partition(":")[2] for volume in services["store"]["volumes"]] == ["/data"]
    assert {service["restart"] for service in services.values()} == {"unless-stopped"}


@pytest.mark.parametrize(
    ("service", "store_url"),
    [
        ("web", "redis://store:6379"),
        ("worker", "redis://store:6379"),
        ("web-cluster", "redis+cluster://node-1:6379,node-2:6379,node-3:6379"),
        ("worker-cluster", "redis+cluster://node-1:6379,node-2:6379,node-3:6379"),
    ],
)
def test_compose_starts_commands_that_are_there(
    service: str, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service's command and settings are ones that the messenger takes."""
    facts = _services()[service]
    for name, value in facts["environment"].items():
        monkeypatch.setenv(name, value)
    name, *words = shlex.split(facts["command"])
    command = cli.get_command(cli.make_context("messenger", [name]), name)
    assert command is not None
    given = command.make_context(name, words).params
    assert settings.load(given).store_url == store_url


def test_the_store_keeps_the_same_promises_as_the_embedded_one(tmp_path: Path) -> None:
    """The options that the promises hang on are the embedded store's."""
    server, *words = _services()["store"]["command"]
    ours = _options(embedded.options(settings.load({"data_dir": str(tmp_path)}), tmp_path))
    theirs = _options(words)
    assert server == "valkey-server"
    assert {name: theirs[name] for name in _SAME} == {name: ours[name] for name in _SAME}
    assert int(theirs["maxmemory"].removesuffix("mb")) > 0
    for number in range(1, 7):
        _, words = _services()[f"node-{number}"]["command"][1:]
        of_node = _options(shlex.split(words.replace("$$", "$"))[2:])
        assert {name: of_node[name] for name in theirs} == theirs
        assert of_node["cluster-enabled"] == "yes"


@pytest.fixture
def compose_store() -> Iterator[str]:
    """A server with compose's options, but on a socket: its URL."""
    with tempfile.TemporaryDirectory(prefix="messenger-") as folder:
        socket = f"{folder}/socket"
        _, *words = _services()["store"]["command"]
        place = ["--port", "0", "--unixsocket", socket, "--dir", folder]
        command = [str(embedded.find_server()), *words, *place]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            yield f"unix://{socket}"
            server.terminate()


async def test_the_store_is_good_in_every_respect(compose_store: str) -> None:
    """What the start looks at finds nothing weak about a store that runs as compose says."""
    await wait_until(lambda: Path(compose_store.removeprefix("unix://")).is_socket(), "it listens")
    async with Store(compose_store) as store:
        findings = await checks.check(store)
    assert [finding for finding in findings if finding.verdict != "good"] == []


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, their lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.findall(r"^([A-Z]+)\s+(.*)$", text, re.M)
    return [(name, " ".join(rest.split())) for name, rest in found]


def test_the_image_runs_as_nobody_on_glibc() -> None:
    """The last user is not root, and the base is one that our wheels are made for."""
    instructions = _instructions()
    users = [rest for name, rest in instructions if name == "USER"]
    assert users[-1:] not in ([], ["root"], ["0"])
    bases = [rest for name, rest in instructions if name == "FROM"]
    assert bases == ["python:3.13-slim-bookworm"]


def test_the_image_is_made_of_what_is_pinned() -> None:
    """Everything from elsewhere is checked by its hash; what is copied is in the build's context."""
    instructions = _instructions()
    installs = [rest for name, rest in instructions if name == "RUN" and "pip" in rest]
    assert "--require-hashes -r requirements-run.lock" in installs[0]
    assert all("--no-deps --no-build-isolation" in rest for rest in installs[1:])
    assert ("ENTRYPOINT", '["messenger"]') in instructions
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    copied = [rest.split()[:-1] for name, rest in instructions if name == "COPY"]
    assert {source for sources in copied for source in sources} <= let_in
