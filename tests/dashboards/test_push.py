"""`llmwatch dashboards push` against Grafana's documented API: what it sets up, leaves alone and refuses."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmwatch.dashboards import load_alerts, load_dashboards
from llmwatch.dashboards.grafana import Grafana
from llmwatch.dashboards.provision import wire_address
from llmwatch.dashboards.push import Step, agrees, api_rule, push, seconds_of
from llmwatch.errors import UsageError
from tests.wire.served import Served, served

from .grafana_server import TOKEN, GrafanaState, grafana_server

DASHBOARDS = [
    {"uid": "llmwatch-a", "title": "A", "schemaVersion": 42, "panels": [{"id": 1, "title": "Größe"}]},
    {"uid": "llmwatch-b", "title": "B", "schemaVersion": 42, "panels": []},
]
QUERY = {
    "refId": "A",
    "relativeTimeRange": {"from": 600, "to": 0},
    "datasourceUid": "llmwatch",
    "model": {"refId": "A"},
}
RULES = [
    {"uid": f"llmwatch-{name}", "title": name, "condition": "A", "data": [QUERY], "for": wait, "labels": {"of": "us"}}
    for name, wait in (("spike", "5m"), ("silence", "90m"))
]
GROUP = {"orgId": 1, "name": "llm watch", "folder": "llmwatch", "interval": "2m", "rules": RULES}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served empty store: enough for Grafana's health check."""
    with served(tmp_path_factory.mktemp("push") / "home") as running:
        yield running


@pytest.fixture
def grafana() -> Iterator[GrafanaState]:
    """A Grafana with nothing in it."""
    with grafana_server() as state:
        yield state


def pushed(grafana: GrafanaState, wire: Served, **given: Any) -> list[Step]:
    """All steps of one push."""
    address = wire_address(f"{wire.host}:{wire.port}", None)
    asked = Grafana(grafana.url, given.get("token", TOKEN))
    return list(push(asked, address, wire.password, DASHBOARDS, given.get("groups", [GROUP])))


def refusal(grafana: GrafanaState, wire: Served, **given: Any) -> str:
    """The one sentence of a push that is refused."""
    with pytest.raises(UsageError) as error:
        pushed(grafana, wire, **given)
    return str(error.value)


def did(steps: list[Step]) -> set[tuple[str, str]]:
    """What happened, without names."""
    return {(step.subject, step.did) for step in steps}


def test_an_empty_grafana_gets_everything_and_can_ask_the_wire(grafana: GrafanaState, wire: Served) -> None:
    """Data source with the password of the wire, folder, each dashboard in it, each rule."""
    steps = pushed(grafana, wire)

    assert did(steps) == {
        ("grafana", "answers"), ("data source", "created"), ("health", "answers"), ("folder", "created"),
        ("dashboard", "created"), ("alert rule", "created"),
    }  # fmt: skip
    assert [step.note for step in steps if step.subject == "health"] == ["Database Connection OK"]
    assert set(grafana.dashboards) == {"llmwatch-a", "llmwatch-b"}
    assert {meta["folderUid"] for meta in grafana.metas.values()} == {"llmwatch"}
    assert set(grafana.rules) == {"llmwatch-spike", "llmwatch-silence"}
    assert grafana.intervals == {"llm watch": 120}
    assert all(request.status < 300 or request.method == "GET" for request in grafana.requests)
    links = [step.note for step in steps if step.subject == "dashboard"]
    assert links == [f"{grafana.url}/d/{uid}/slug" for uid in grafana.dashboards]


def test_a_second_push_sends_no_change_at_all(grafana: GrafanaState, wire: Served) -> None:
    """Not even a new version of a dashboard, though Grafana stores another JSON than it was given."""
    pushed(grafana, wire)
    before, sent = copy.deepcopy(grafana.__dict__ | {"requests": None}), len(grafana.changes())

    steps = pushed(grafana, wire)

    assert {what for _, what in did(steps)} == {"answers", "unchanged"}
    assert len(grafana.changes()) == sent
    assert grafana.__dict__ | {"requests": None} == before


def test_what_was_edited_is_brought_back_and_what_is_the_users_stays(grafana: GrafanaState, wire: Served) -> None:
    """A new version over the edited one, in the folder it was moved to; a paused rule stays paused."""
    pushed(grafana, wire)
    uid = next(iter(grafana.dashboards))
    grafana.versions[uid].append({"version": 2, "message": "my edit"})
    grafana.folders["mine"] = {"uid": "mine", "title": "mine"}
    grafana.metas[uid]["folderUid"] = "mine"
    rule = next(iter(grafana.rules.values()))
    rule |= {"title": "edited", "isPaused": True}
    grafana.data_sources["llmwatch"] |= {"url": "127.0.0.1:1", "name": "renamed", "isDefault": True}

    steps = pushed(grafana, wire)

    assert {(step.subject, step.did) for step in steps if step.did == "updated"} == {
        ("data source", "updated"), ("dashboard", "updated"), ("alert rule", "updated"),
    }  # fmt: skip
    assert sum(step.did == "updated" for step in steps) == 3
    assert grafana.metas[uid]["folderUid"] == "mine"
    assert [version["version"] for version in grafana.versions[uid]] == [1, 2, 3]
    restored = grafana.rules[rule["uid"]]
    assert restored["title"] != "edited"
    assert restored["isPaused"]
    source = grafana.data_sources["llmwatch"]
    assert (source["url"], source["name"], source["isDefault"]) == (f"127.0.0.1:{wire.port}", "renamed", True)


def test_a_password_that_no_longer_fits_is_sent_again(grafana: GrafanaState, wire: Served) -> None:
    """Grafana tells nobody its password; that the wire refuses it is enough."""
    pushed(grafana, wire)
    grafana.passwords["llmwatch"] = "x" * 43

    steps = pushed(grafana, wire)

    assert ("data source", "updated") in did(steps)
    assert ("health", "answers") in did(steps)


def test_without_rules_alerting_is_not_even_asked_for(grafana: GrafanaState, wire: Served) -> None:
    """For a Grafana where somebody else owns the alerts."""
    pushed(grafana, wire, groups=[])

    assert grafana.rules == {}
    assert not any("provisioning" in request.path for request in grafana.requests)


def test_rules_of_somebody_else_in_our_group_stay(grafana: GrafanaState, wire: Served) -> None:
    """A missing rule is added to a group that exists, one by one."""
    pushed(grafana, wire)
    uid, rule = grafana.rules.popitem()
    grafana.rules["theirs"] = {**rule, "uid": "theirs", "title": "theirs"}

    steps = pushed(grafana, wire)

    assert [step.did for step in steps if step.subject == "alert rule"].count("created") == 1
    assert {uid, "theirs"} <= set(grafana.rules)


def test_dashboards_and_a_data_source_from_files_are_kept(grafana: GrafanaState, wire: Served) -> None:
    """Grafana would refuse to save them."""
    pushed(grafana, wire)
    for uid in grafana.metas:
        grafana.metas[uid]["provisioned"] = True
        grafana.versions[uid] = [{"version": 1, "message": ""}]
    grafana.data_sources["llmwatch"]["readOnly"] = True

    steps = pushed(grafana, wire)

    assert {step.did for step in steps if step.subject == "dashboard"} == {"kept"}
    grafana.data_sources["llmwatch"]["url"] = "127.0.0.1:9"
    assert "from a file" in refusal(grafana, wire)


def test_no_refusal_is_more_than_a_sentence_and_its_remedy(grafana: GrafanaState, wire: Served) -> None:
    """Wrong token, missing rights, too old, no Grafana, a redirect, names taken, Grafana's own words."""
    assert "refuses the token (HTTP 401)" in refusal(grafana, wire, token="glsa_wrong")
    grafana.version = "10.4.19"
    assert "Grafana 10.4.19 is too old for the dashboards" in refusal(grafana, wire)
    grafana.version = None
    grafana.data_sources["other"] = {"uid": "other", "name": "llmwatch"}
    assert "a data source named llmwatch" in refusal(grafana, wire)
    grafana.data_sources = {"llmwatch": {"uid": "llmwatch", "type": "prometheus", "name": "x"}}
    assert "of the type prometheus" in refusal(grafana, wire)
    grafana.data_sources.clear()
    grafana.folders["other"] = {"uid": "other", "title": "llmwatch"}
    assert "a folder named llmwatch" in refusal(grafana, wire)
    grafana.folders.clear()
    for path, status, said, expected in (
        ("GET /api/folders/llmwatch", 403, {"message": "no permission"}, "may not read /api/folders/llmwatch"),
        ("POST /api/dashboards/db", 412, {"message": "belongs to a plugin"}, "HTTP 412 belongs to a plugin"),
        ("GET /api/health", 404, b"<html>", "does not answer as Grafana does (HTTP 404)"),
        ("GET /api/health", 200, b"<html>", "does not answer as Grafana does (HTTP 200)"),
        ("GET /api/health", 302, b"", "leads on to http://elsewhere.example/"),
    ):
        grafana.refusals = {path: (status, said)}
        assert expected in refusal(grafana, wire)


def test_the_panel_of_a_rule_goes_among_its_annotations() -> None:
    """Where the HTTP API has it; both of them or none, or Grafana refuses the rule."""
    rule = {**RULES[0], "dashboardUid": "llmwatch-a", "annotations": {"summary": "x"}}

    assert api_rule(rule, "g", 1)["annotations"] == {"summary": "x"}
    assert api_rule({**rule, "panelId": 3}, "g", 1)["annotations"] == {
        "summary": "x", "__dashboardUid__": "llmwatch-a", "__panelId__": "3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "is_same"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}, True),
        ({"a": ""}, {}, True),
        ({"labels": {}}, {"labels": None}, True),
        ({"a": 0}, {"a": 1}, False),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": "x"}, {}, False),
    ],
)
def test_what_grafana_adds_is_no_difference(ours: Any, theirs: Any, is_same: bool) -> None:
    """Only what is ours must be there."""
    assert agrees(ours, theirs) is is_same


def test_durations_are_compared_as_seconds() -> None:
    """Grafana writes 90m as 1h30m."""
    assert [seconds_of(text) for text in ("90m", "1h30m", "0s", "500ms", "1d")] == [5400, 5400, 0, 0.5, 86_400]


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://x?y=1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError, match="is no address of a Grafana"):
        Grafana(url, TOKEN)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
def test_a_token_that_cannot_be_one_is_refused(token: str) -> None:
    """It would end up in a header."""
    with pytest.raises(UsageError, match="no token"):
        Grafana("http://localhost:3000", token)


def command(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_") and k != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-m", "llmwatch", "dashboards", *arguments, "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=60,
        env=kept | environment,
    )


def test_the_command_prints_links_and_fails_with_one_where_the_wire_is_silent(
    grafana: GrafanaState, wire: Served
) -> None:
    """The token comes from the environment; a proxy of the environment is not used."""
    arguments = ("push", "--url", grafana.url, "--wire")
    environment = {"GRAFANA_TOKEN": TOKEN, "http_proxy": "http://127.0.0.1:9"}

    right = command(*arguments, f"127.0.0.1:{wire.port}", home=wire.home, **environment)
    silent = command(*arguments, "127.0.0.1:1", home=wire.home, **environment)

    assert (right.returncode, right.stderr) == (0, "")
    for dashboard in load_dashboards().values():
        assert f"{dashboard['title']}  {grafana.url}/d/{dashboard['uid']}/" in right.stdout
    assert set(grafana.rules) == {rule["uid"] for group in load_alerts()["groups"] for rule in group["rules"]}
    assert silent.returncode == 1
    assert "Grafana cannot ask the wire at 127.0.0.1:1" in silent.stderr
    assert TOKEN not in right.stdout + silent.stdout + silent.stderr
