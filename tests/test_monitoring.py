"""What watches over a messenger: alerts, dashboard, and the figures and words that they stand on."""

import asyncio
import json
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.installed import installed
from tests.serving import Messenger
from tests.sources import ROOT
from tests.test_documented import _full_metrics
from tests.waiting import wait_until

_FOLDER = ROOT / "docs" / "monitoring"
_METRIC = re.compile(r"\bmessenger_\w+")


def _promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [installed("promtool"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def _alerts() -> dict[str, Any]:
    (group,) = yaml.safe_load((_FOLDER / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def _panels() -> list[dict[str, Any]]:
    dashboard = json.loads((_FOLDER / "grafana" / "messenger.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _queries() -> list[str]:
    """The dashboard's, with the interval that Grafana would write in."""
    found = [target["expr"] for panel in _panels() for target in panel["targets"]]
    return [query.replace("$__rate_interval", "1m") for query in found]


def _exposed() -> set[str]:
    """The name of every sample that /metrics has."""
    return {
        sample.name for family in _full_metrics().registry.collect() for sample in family.samples
    }


def test_prometheus_takes_the_files() -> None:
    """The scrape configuration and the rules are what Prometheus understands."""
    done = _promtool("check", "config", _FOLDER / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(_alerts())} rules found" in done.stdout


def test_each_alert_fires_when_it_should() -> None:
    """The alerts' own tests hold."""
    done = _promtool("test", "rules", _FOLDER / "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("condition", ["vector(1) > 2", "vector(1)"], ids=["never", "always"])
def test_an_alert_that_is_wrong_is_found(tmp_path: Path, condition: str) -> None:
    """Each alert is tested in both ways: were its condition never or always true, its tests would
    fail."""
    whole = yaml.safe_load((_FOLDER / "alerts.yml").read_text())
    for rule in whole["groups"][0]["rules"]:
        rule["expr"] = condition
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(whole))
    (tmp_path / "tests.yml").write_text((_FOLDER / "alerts_test.yml").read_text())
    done = _promtool("test", "rules", tmp_path / "tests.yml")
    assert set(re.findall(r"alertname: (\w+)", done.stdout + done.stderr)) == set(_alerts())


def test_every_metric_that_is_asked_for_is_there() -> None:
    """Rules, their tests and the dashboard name only figures that /metrics has."""
    texts = [rule["expr"] for rule in _alerts().values()] + _queries()
    texts.append((_FOLDER / "alerts_test.yml").read_text())
    named = {name for text in texts for name in _METRIC.findall(text)}
    assert len(named) > 20
    assert named - _exposed() == set()


def test_the_dashboard_shows_every_figure() -> None:
    """Each family of figures is in some panel."""
    shown = {name for query in _queries() for name in _METRIC.findall(query)}
    families = {re.sub("_(bucket|count|sum|created)$", "", name) for name in _exposed()}
    families -= {f"{name.removesuffix('_total')}" for name in families if name.endswith("_total")}
    assert families - {re.sub("_(bucket|count|sum)$", "", name) for name in shown} == set()


def test_the_dashboard_s_queries_are_queries(tmp_path: Path) -> None:
    """Prometheus understands each of them, and each panel asks the source that is provisioned."""
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(_queries())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = _promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    (source,) = yaml.safe_load((_FOLDER / "grafana" / "datasource.yml").read_text())["datasources"]
    targets = [target for panel in _panels() for target in panel["targets"]]
    assert {target["datasource"]["uid"] for target in targets} == {source["uid"]}
    ids = [panel["id"] for panel in _panels()]
    assert len(set(ids)) == len(ids)


def test_a_query_that_is_none_is_found(tmp_path: Path) -> None:
    """What promtool consents to means something."""
    broken = {"groups": [{"name": "x", "rules": [{"record": "x", "expr": "rate(x)"}]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(broken))
    assert _promtool("check", "rules", tmp_path / "rules.yml").returncode != 0


def test_every_alert_has_its_page() -> None:
    """Each alert names its entry in docs/operations.md, which has one for each, and no other."""
    text = (ROOT / "docs" / "operations.md").read_text()
    headings = re.findall(r"^### (Messenger\w+)$", text, re.M)
    assert headings == list(_alerts())
    for name, rule in _alerts().items():
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        entry = text.partition(f"### {name}\n")[2].partition("\n### ")[0]
        for part in ("**Means**", "**Look**", "**Do**"):
            assert part in entry, f"{name}: {part}"


async def test_prometheus_gets_what_the_alerts_need(messenger: Messenger, tmp_path: Path) -> None:
    """A real Prometheus with our files reads a running messenger: every figure that an alert asks for
    comes in, and nothing is wrong with a messenger that is well."""
    await messenger.post("hello")
    config = yaml.safe_load((_FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    target = messenger.url.removeprefix("http://")
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "alerts.yml").write_text((_FOLDER / "alerts.yml").read_text())
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        installed("prometheus"),
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/figures",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/api/v1"
        await wait_until(lambda: _has_all(messenger.session, url), "every figure is there")
        rules = await _ask(messenger.session, f"{url}/rules")
        found = {rule["name"]: rule for group in rules["groups"] for rule in group["rules"]}
        assert set(found) == set(_alerts())
        assert {rule["health"] for rule in found.values()} <= {"ok", "unknown"}
        assert {name for name, rule in found.items() if rule["state"] == "firing"} == set()
    finally:
        process.terminate()
        await process.wait()


async def _has_all(session: aiohttp.ClientSession, url: str) -> bool:
    needed = {name for rule in _alerts().values() for name in _METRIC.findall(rule["expr"])}
    try:
        names = set(await _ask(session, f"{url}/label/__name__/values"))
    except aiohttp.ClientError:
        return False
    return needed <= names


async def _ask(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        return (await response.json())["data"]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
