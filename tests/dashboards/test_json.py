"""What a dashboard has before anybody imports it; the rules of grafana/dashboard-linter that fit SQL, and ours."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from llmwatch.dashboards import folder, load_alerts, load_dashboards
from llmwatch.dashboards.boards import made
from llmwatch.dashboards.queries import queries

BOARDS = load_dashboards()
PANELS = [(board, panel) for board, model in BOARDS.items() for panel in model["panels"] if panel["type"] != "row"]
IDS = [f"{board}-{panel['id']}" for board, panel in PANELS]
UNITS = {"short", "none", "string", "currencyUSD", "locale", "percentunit", "ms", "s", "dateTimeAsIso"}
DRAWN = {"stat", "timeseries", "table", "bargauge", "text"}
LABELS = {"task": "Task", "model": "Model", "service": "Service", "feature": "Feature", "customer": "Customer"}
NAMES = tuple(LABELS)
UIDS = {f"llmwatch-{name}" for name in ("overview", "customers", "tasks", "downgrade", "reliability", "cache", "calls")}


def test_the_committed_json_is_what_its_generator_makes() -> None:
    """Nobody has to look which of the two is right."""
    committed = {path.name: path.read_text("utf-8") for path in folder().glob("*.json")}

    assert committed == made()


def test_there_are_seven_boards_with_stable_uids() -> None:
    """Links and bookmarks name them."""
    assert {model["uid"] for model in BOARDS.values()} == UIDS


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_says_what_it_is_and_leads_to_all_others(board: str) -> None:
    """Title, description, tag, refresh; a menu of the others that keeps time and filters."""
    model = BOARDS[board]

    assert model["title"] and model["description"]
    assert model["tags"] == ["llmwatch"]
    assert model["refresh"] == "1m"
    assert (model["schemaVersion"], model["timezone"], model["editable"]) == (42, "utc", True)
    link = model["links"][0]
    assert (link["tags"], link["includeVars"], link["keepTime"]) == (["llmwatch"], True, True)
    assert "id" not in model and "__inputs" not in model


@pytest.mark.parametrize("board", BOARDS)
def test_filters_are_asked_once_and_of_all_times(board: str) -> None:
    """Grafana drops a chosen name that an answer lacks: no later answer, no range and no low limit has a part in it."""
    variables = {variable["name"]: variable for variable in BOARDS[board]["templating"]["list"]}

    source = variables["datasource"]
    # To be seen and named: an import asks for no source.
    assert (source["current"]["value"], source["hide"], source["label"]) == ("llmwatch", 0, "Store")
    for name in NAMES:
        one = variables[name]
        assert (one["multi"], one["includeAll"], one["refresh"], one["allValue"]) == (True, True, 1, "'(all)'")
        assert one["allowCustomValue"] is True
        assert "$" not in one["query"]
        assert int(one["query"].rpartition(" limit ")[2]) >= 20_000


def sections(board: str) -> dict[int, str]:
    """Number of a panel -> the heading it stands under."""
    found: dict[int, str] = {}
    heading = ""
    for panel in BOARDS[board]["panels"]:
        heading = panel["title"] if panel["type"] == "row" else heading
        found[panel["id"]] = heading
    return found


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=IDS)
def test_a_panel_asks_by_every_filter_or_a_title_over_it_says_which_do_not_apply(
    board: str, panel: dict[str, Any]
) -> None:
    """No filter is silently without effect; what is said not to apply is not asked by either."""
    said = f"{sections(board)[panel['id']]} {panel['title']}"
    sql = panel["targets"][0]["rawSql"]
    outside = said.partition(" alone; ")[2].partition(" do not apply")[0]

    if "whatever the filters" in panel["title"]:
        assert not re.search(r"\$(task|model|service|feature|customer|search|status)\b", sql)
        return
    for name, label in LABELS.items():
        is_outside = bool(re.search(rf"\b{label}\b", outside))
        assert (f"${name}]" in sql) is not is_outside, (name, said)
    asks_time = any(macro in sql for macro in ("$__timeFilter", "$__timeFrom()"))
    assert asks_time is not ("the time range" in outside) or panel.get("timeFrom"), said


@pytest.mark.parametrize("panel", [p for b, p in PANELS if b == "calls"], ids=lambda p: p["title"] or "state")
def test_ended_search_and_session_count_what_they_list(panel: dict[str, Any]) -> None:
    """What stands over the list of calls is of the calls that are listed."""
    sql = panel["targets"][0]["rawSql"]

    assert all(f"'${name}'" in sql for name in ("status", "search", "session")) is (
        "whatever the filters" not in panel["title"]
    )


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=IDS)
def test_a_panel_is_described_and_can_be_drawn(board: str, panel: dict[str, Any]) -> None:
    """It says how its number is made, and asks the data source of the variable."""
    assert panel["type"] in DRAWN
    assert panel["title"] or panel["id"] == 1
    assert len(panel["description"]) > 20 and panel["description"].endswith((".", "`."))
    assert panel["datasource"]["uid"] == "${datasource}"
    refs = [target["refId"] for target in panel["targets"]]
    assert refs and len(set(refs)) == len(refs)
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert target["rawQuery"] is True and target["rawSql"].strip()
        is_series = panel["type"] == "timeseries" or panel["options"].get("graphMode") == "area"
        assert target["format"] == ("time_series" if is_series else "table")
        # A number with a line behind it is the sum of that line.
        calcs = panel["options"].get("reduceOptions", {}).get("calcs")
        assert (calcs == ["sum"]) is (is_series and panel["type"] == "stat")


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=IDS)
def test_units_are_grafanas_and_columns_that_are_shown_exist(board: str, panel: dict[str, Any]) -> None:
    """An override of a column that is not there would show nothing."""
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults.get("unit", "short") in UNITS
    if panel["type"] != "table":
        assert defaults["unit"] in UNITS
    sql = panel["targets"][0]["rawSql"]
    for rule in panel["fieldConfig"]["overrides"]:
        name = rule["matcher"]["options"]
        for found in rule["properties"]:
            assert found["id"] != "unit" or found["value"] in UNITS
        assert (
            panel["type"] == "timeseries" or f'"{name}"' in sql or name in ("calls", "direct", "shared", "$ per 1,000")
        )


@pytest.mark.parametrize("board", BOARDS)
def test_no_panel_lies_over_another(board: str) -> None:
    """Places are within 24 columns and apart; ids are unique."""
    places = [panel["gridPos"] for panel in BOARDS[board]["panels"]]
    ids = [panel["id"] for panel in BOARDS[board]["panels"]]

    assert len(set(ids)) == len(ids)
    for place in places:
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
    for a, b in combinations(places, 2):
        is_apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert is_apart


def test_links_lead_to_boards_that_exist_and_keep_time_and_filters() -> None:
    """Every filter is kept or set."""
    addresses = re.findall(r'"url": "(/d/[^"]+)"', json.dumps(list(BOARDS.values())))

    assert len(addresses) > 25
    for address in addresses:
        assert address.split("/")[2] in UIDS
        assert "${__url_time_range}" in address
        for name in ("datasource", *NAMES):
            assert f"${{{name}:queryparam}}" in address or f"var-{name}=" in address


def test_every_query_leaves_the_quotes_of_a_filter_to_the_data_source() -> None:
    """`:sqlstring` writes a backslash before a double quote; a box of text is quoted here and doubled there."""
    listed = {*NAMES}
    for query in queries():
        assert "${" not in query.sql, (query.board, query.name)
        for found in re.finditer(r"(.)\$(\w+)(.)", query.sql, re.DOTALL):
            before, name, after = found.groups()
            if not name.startswith("__"):
                around = "[]" if name in listed else "''"
                assert before + after == around, (query.board, query.name, found[0])
        # An argument of a macro ends at the first parenthesis that closes.
        for argument in re.findall(r"\$__\w+\(([^)]*)\)", query.sql):
            assert "(" not in argument, (query.board, query.name, argument)


def test_alerts_ask_the_fixed_data_source_without_macros() -> None:
    """Alerts expand neither macros nor variables."""
    rules = [rule for group in load_alerts()["groups"] for rule in group["rules"]]

    assert len({rule["uid"] for rule in rules}) == len(rules) == 7
    for rule in rules:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", rule["uid"])
        assert rule["annotations"]["summary"]
        *asked, condition = rule["data"]
        assert condition["refId"] == rule["condition"] == "B"
        refs = {query["refId"] for query in asked}
        assert {"A"} <= set(re.findall(r"\$(\w+)", condition["model"]["expression"])) <= refs
        for query in asked:
            assert query["datasourceUid"] == "llmwatch"
            assert query["refId"] == query["model"]["refId"]
            assert query["model"]["format"] == "table"
            assert "$" not in query["model"]["rawSql"]
