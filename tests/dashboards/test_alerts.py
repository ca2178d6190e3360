"""The alert rules on both sides of each limit: their queries over the wire, their formula, and the text's parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llmwatch.dashboards import load_alerts, load_dashboards
from llmwatch.dashboards.check import NUMBERS
from llmwatch.settings import Settings
from llmwatch.store.file import connect
from tests.stores import call, empty_store, fill
from tests.wire.served import Served, served

from .stores import HOSTILE
from .test_queries import ask

RULES: dict[str, dict[str, Any]] = {
    rule["uid"].removeprefix("llmwatch-"): rule for group in load_alerts()["groups"] for rule in group["rules"]
}
NOW = datetime.now(UTC).replace(tzinfo=None)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Labels = tuple[tuple[str, str], ...]
Numbers = dict[Labels, float]
# A service's calls as hours before NOW.
Hours = Sequence[float]


def every(step: float, newest: float, oldest: float) -> list[float]:
    """Hours ago, from the newest on, a step apart."""
    return [newest + step * n for n in range(int((oldest - newest) / step) + 1)]


def office(newest: float) -> list[float]:
    """Four weeks of five days of eight calls; Friday's last is the newest; weekends have 65 hours."""
    return [newest + week * 168 + day * 24 + hour for week in range(4) for day in range(5) for hour in range(8)]


# Service -> its calls, and whether it alarms. The limits by hand: an hour, or three times the longest pause.
SERVICES: dict[str, tuple[Hours, bool]] = {
    "steady, just silent": (every(1 / 6, 1.05, 72), True),
    "steady, not yet": (every(1 / 6, 0.9, 72), False),
    "daily, after two days": (every(24, 71, 500), False),
    "daily, after three": (every(24, 73, 500), True),
    "weekly, after 20 days": (every(168, 480, 1400), False),
    "weekly, after 22 days": (every(168, 528, 1400), True),
    "office, 194 hours": (office(194), False),
    "office, 196 hours": (office(196), True),
    "a script, once": ([60 + n / 6000 for n in range(500)], False),
    "a script, three times": ([*every(1 / 60, 60, 61), *every(1 / 60, 100, 101), *every(1 / 60, 300, 301)], False),
    "new, a day is not known": (every(1 / 6, 2, 25), False),
    "an outage of 8 hours, silent 23": ([*every(1 / 6, 23, 71), *every(1 / 6, 79, 150)], False),
    "an outage of 8 hours, silent 25": ([*every(1 / 6, 25, 71), *every(1 / 6, 79, 150)], True),
    "an outage five weeks ago": ([*every(1, 3.1, 700), *every(1, 800, 900)], True),
    "given up, not yet forgotten": (every(1 / 2, 27 * 24, 30 * 24), True),
    "given up and forgotten": (every(1 / 2, 28 * 24 + 2, 31 * 24), False),
    **{name: (every(1 / 2, 2, 48), True) for name in HOSTILE},
}
# Reads of answers that were paid for before count as no request: they are no sign of life.
READS = "only reads"


def at(number: int, ago: timedelta, **columns: Any) -> dict[str, Any]:
    """A call that began so long before NOW."""
    return call(number, started_at=NOW - ago, **columns)


def silence(home: Path) -> None:
    """The services, one without a name, and one that only reads."""
    settings = empty_store(home)
    rows: list[dict[str, Any]] = []
    named: list[tuple[str | None, Hours]] = [(name, hours) for name, (hours, _) in SERVICES.items()]
    for name, hours in [*named, (None, every(1 / 2, 2, 48)), ("", every(1 / 2, 2, 30)), (READS, every(1 / 2, 2, 48))]:
        rows += [at(len(rows) + n, hour * HOUR, service_name=name, requests=1) for n, hour in enumerate(hours)]
    rows.append(at(len(rows), HOUR / 10, service_name=READS, requests=0))
    fill(settings, rows)


def money(settings: Settings, revenue: float | None) -> None:
    """Revenue of the customer three days ago, recognised whole."""
    if revenue is not None:
        row = {
            "event_id": "r", "kind": "revenue", "source": "test", "customer_id": "acme", "occurred_at": NOW - 3 * DAY,
            "recorded_at": NOW - 3 * DAY, "amount_usd": Decimal(str(revenue)),
        }  # fmt: skip
        fill(settings, [row], "revenue")


def state(home: Path, *, over: bool, target: float | None, revenue: float | None) -> None:
    """Everything a hair over or under its limit, after a day of ten dollars an hour.

    The last hour's spend, failures of 100 requests, seconds of an answer, unpriced requests of the day, the week's
    margin, and the tasks' verdicts.
    """
    settings = empty_store(home)
    old = [at(n, HOUR * (1.02 + n), cost="10", requests=1, latency_ms=1.0) for n in range(24)]
    old += [at(100, HOUR * 20, cost="0", requests=276 if not over else 200, latency_ms=1.0)]
    quarter = HOUR / 6
    recent = [at(200 + n, quarter, cost="0", requests=1, latency_ms=15_100.0 if over else 14_900.0) for n in range(93)]
    failed = 6 if over else 5
    recent += [
        at(300 + n, quarter, cost="0", requests=1, status="error", error_type="x", usage_source="response")
        for n in range(failed)
    ]
    recent += [at(400, quarter, cost="30.2" if over else "29.5", requests=100 - 93 - failed, latency_ms=1.0)]
    # Of the last day's 327 or 403 requests.
    recent += [at(500 + n, HOUR / 2, cost=None, requests=1, latency_ms=1.0) for n in range(4)]
    fill(settings, sorted(old + recent, key=sorted))
    money(settings, revenue)
    this_week = (NOW - NOW.weekday() * DAY).date()
    plain = {"evidence": "label", "week": this_week, "loss": 0.04, "mean_before": 0.9, "mean_after": 0.86}
    found = (
        [("fell", True), ("fell again", True)]
        if over
        else [("recovered", False), ("watch", False), ("mix changed", False)]
    )
    rows = [plain | {"task_name": f"{name} {v}", "verdict": v, "is_alarm": a} for name in HOSTILE for v, a in found]
    rows += [plain | {"task_name": "before", "verdict": "fell", "is_alarm": True, "week": this_week - 7 * DAY}]
    # A drop that would have been taken for one by its size, which the report does not call one.
    rows += [plain | {"task_name": "no alarm", "verdict": "no sign of change", "is_alarm": False, "loss": 0.3}]
    fill(settings, rows, "drift")
    with connect(settings.store_path, settings.home, read_only=False) as con:
        con.execute("delete from meta where key = 'target_margin'")
        if target is not None:
            con.execute("insert into meta values ('target_margin', $1)", [str(target)])


# What was spent in the last 7 days in each store is 240 and the last hour's.
OVER, UNDER = 270.2, 269.5
STATES: dict[str, dict[str, Any]] = {
    "over": {"over": True, "target": None, "revenue": OVER / 0.801},
    "under": {"over": False, "target": None, "revenue": UNDER / 0.799},
    # The same calls and revenue against a target of one's own.
    "over-low-target": {"over": True, "target": 0.198, "revenue": OVER / 0.801},
    "under-high-target": {"over": False, "target": 0.202, "revenue": UNDER / 0.799},
    "no-revenue": {"over": True, "target": None, "revenue": None},
}


def first_day(home: Path) -> None:
    """All that was ever recorded: 19 calls of the last minutes that failed, for a hundred dollars each."""
    failed = {"cost": "100", "requests": 1, "status": "error", "error_type": "x", "usage_source": "response"}
    fill(empty_store(home), [at(n, HOUR / 30, **failed) for n in range(19)])


@pytest.fixture(scope="module")
def alert_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Served]]:
    """Name of a store -> its server."""
    root = tmp_path_factory.mktemp("alerts")
    silence(root / "silence")
    for name, given in STATES.items():
        state(root / name, **given)
    first_day(root / "first-day")
    with ExitStack() as open_servers:
        yield {name: open_servers.enter_context(served(root / name)) for name in ("silence", "first-day", *STATES)}


def numbers(connection: psycopg.Connection, sql: str) -> Numbers:
    """Labels -> number, as Grafana reads a table: one column of numbers, labels of text, no two rows alike."""
    names, oids, rows = ask(connection, sql)
    (at_number,) = [at for at, oid in enumerate(oids) if oid in NUMBERS]
    found: Numbers = {}
    for row in rows:
        labels = tuple((name, str(row[at])) for at, name in enumerate(names) if at != at_number)
        assert None not in row and all(value for _, value in labels)
        assert labels not in found
        found[labels] = float(row[at_number] or 0)
    return found


def alarms(server: Served, uid: str) -> dict[Labels, Mapping[str, float]]:
    """Labels -> the number of each query, where the formula holds; nothing where a query it needs has no number."""
    *queries, condition = RULES[uid]["data"]
    formula = condition["model"]["expression"].replace("&&", "and")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        found = {query["refId"]: numbers(connection, query["model"]["rawSql"]) for query in queries}
    needed = set(re.findall(r"\$([A-Z])", formula))
    python = re.sub(r"\$([A-Z])", r"\1", formula)
    loud: dict[Labels, Mapping[str, float]] = {}
    for labels in found["A"]:
        values = {ref: own[labels] for ref, own in found.items() if labels in own}
        if needed <= set(values) and eval(python, {}, dict(values)):
            assert set(values) == set(found)
            loud[labels] = values
    return loud


def shown(server: Served, name: str) -> str:
    """A name as a label has it."""
    with psycopg.connect(server.dsn) as connection:
        return str(connection.execute("select shown_name(%s)", [name]).fetchall()[0][0])


def test_a_service_is_missed_after_an_hour_or_three_times_its_longest_pause(alert_stores: dict[str, Served]) -> None:
    """Each by its own rhythm; none that has no rhythm, none that was given up."""
    server = alert_stores["silence"]
    loud = alarms(server, "no-calls")

    expected = {shown(server, name) for name, (_, is_loud) in SERVICES.items() if is_loud} | {"(none)", READS}
    assert {dict(labels)["service"] for labels in loud} == expected
    daily = loud[("service", "daily, after three"),]
    assert daily["A"] == pytest.approx(73 * 3600, abs=120)
    assert daily["C"] == pytest.approx(24 * 3600, abs=1)


@pytest.mark.parametrize("uid", [uid for uid in RULES if uid not in ("no-calls", "quality-drift")])
def test_a_rule_alarms_over_its_limit_and_not_under_it(alert_stores: dict[str, Served], uid: str) -> None:
    """Once, without a label."""
    assert list(alarms(alert_stores["over"], uid)) == [()]
    assert alarms(alert_stores["under"], uid) == {}


def test_the_margin_is_held_against_the_target_that_is_set(alert_stores: dict[str, Served]) -> None:
    """Just above and below it; what is not known is below no target."""
    found = alarms(alert_stores["under-high-target"], "margin")

    assert found[()] == {"A": pytest.approx(0.201), "C": 0.202}
    assert alarms(alert_stores["over-low-target"], "margin") == {}
    assert alarms(alert_stores["no-revenue"], "margin") == {}


@pytest.mark.parametrize("uid", RULES)
def test_a_first_day_of_few_calls_alarms_nobody(alert_stores: dict[str, Served], uid: str) -> None:
    """No usual hour to compare with, and 19 failures are not 20 calls."""
    assert alarms(alert_stores["first-day"], uid) == {}


def test_the_numbers_of_an_alarm_are_those_of_its_text(alert_stores: dict[str, Served]) -> None:
    """By hand."""
    found = {
        uid: alarms(alert_stores["over"], uid)[()] for uid in ("spend-spike", "error-rate", "p95", "unpriced", "margin")
    }

    assert found["spend-spike"] == {"A": pytest.approx(30.2), "C": pytest.approx(10, rel=0.01)}
    assert found["error-rate"] == {"A": pytest.approx(0.06)}
    assert found["p95"] == {"A": pytest.approx(15.1)}
    assert found["unpriced"] == {"A": pytest.approx(4 / 327), "C": 4}
    assert found["margin"] == {"A": pytest.approx(0.199), "C": 0.2}


def test_drift_alarms_where_the_report_says_fell_or_fell_again(alert_stores: dict[str, Served]) -> None:
    """Of the newest week, by task, whatever its name; not where it recovered, nor by the size of a change."""
    server = alert_stores["over"]
    loud = alarms(server, "quality-drift")

    expected = {(shown(server, f"{name} {v}"), v) for name in HOSTILE for v in ("fell", "fell again")}
    assert {(dict(labels)["task"], dict(labels)["found"]) for labels in loud} == expected
    assert {values["C"] for values in loud.values()} == {4.0}
    assert alarms(alert_stores["under"], "quality-drift") == {}


@pytest.mark.parametrize("uid", RULES)
@pytest.mark.parametrize("store", ["empty", "single", "full"])
def test_no_rule_alarms_where_little_or_nothing_is_known(
    boards_served: dict[str, Served], store: str, uid: str
) -> None:
    """An empty store, one call, and one whose calls lie in another time."""
    assert alarms(boards_served[store], uid) == {} or (store, uid) == ("full", "no-calls")


@pytest.mark.parametrize("uid", RULES)
def test_a_rule_leads_to_its_panel_and_says_what_to_do(uid: str) -> None:
    """The panel is there, the severity one of three, the README has the title, and the text asks for what there is."""
    rule = RULES[uid]
    boards = {model["uid"]: model for model in load_dashboards().values()}
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8").partition("\n### When an alert fires\n")[2]
    said = rule["annotations"]

    assert rule["panelId"] in {p["id"] for p in boards[rule["dashboardUid"]]["panels"] if p["type"] != "row"}
    assert (said["__dashboardUid__"], said["__panelId__"]) == (rule["dashboardUid"], str(rule["panelId"]))
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert f"| {rule['title']} |" in readme.partition("\n## ")[0]
    refs = {query["refId"] for query in rule["data"][:-1]}
    for template in re.findall(r"{{(.*?)}}", said["summary"]):
        assert set(re.findall(r"\$values\.(\w+)\.Value", template)) <= refs
        known = r'humanize(Percentage|Duration) \S+|printf "%\.\df" \S+|if lt \S+ 1\.0|else|end|\$labels\.\w+'
        assert re.fullmatch(f" ({known}) ", template), template
        for label in re.findall(r"\$labels\.(\w+)", template):
            assert f" as {label}," in rule["data"][0]["model"]["rawSql"]
    assert "$values" in said["summary"] and "$" not in said["description"]
