"""A filter keeps its value: the boards' variables in Grafana's own code, over a wire with 10,000 customers.

Real: the variables and their set (@grafana/scenes), how the data source writes values (@grafana/sql), and the wire. Of
Grafana's backend only the macros are played, by llmwatch.dashboards.expand.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llmwatch.dashboards import load_dashboards
from llmwatch.dashboards.client import Address, Client
from llmwatch.dashboards.expand import Chosen, Range, expanded, with_variables
from llmwatch.dashboards.queries import board_queries
from tests.stores import call, empty_store, fill
from tests.wire.served import Served, served

from .draw.drawing import build, told
from .draw.frames import frame
from .stores import HOSTILE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not (shutil.which("npm") and shutil.which("chromium")), reason="needs npm and Chromium"),
]
ROOT = Path(__file__).parents[2]
CUSTOMERS = 10_000
# One call, 40 days ago: in no short range, and behind all others in a list of who calls most.
RARE = "rare customer"
Step = dict[str, Any]
OPEN: list[Step] = [
    {"name": "opened"},
    {"name": "five ticks", "ticks": 5},
    {"name": "5 minutes", "range": ["now-5m", "now"], "ticks": 2},
    {"name": "90 days", "range": ["now-90d", "now"], "ticks": 2},
    {"name": "a minute without a call", "range": ["2020-01-01T00:00:00Z", "2020-01-01T00:01:00Z"], "ticks": 2},
    {"name": "the wire is down", "ticks": 2, "isDown": True},
    {"name": "the wire is back", "range": ["now-24h", "now"], "ticks": 2},
    {"name": "left and come back", "leave": True, "ticks": 2},
]


@pytest.fixture(scope="module")
def dist() -> Path:
    """The pages, built once."""
    return build(ROOT / "build" / "draw")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """10,000 customers with two calls each, one with a single call 40 days ago, and one for each hostile name."""
    settings = empty_store(tmp_path_factory.mktemp("variables") / "home")
    now = datetime.now(UTC).replace(tzinfo=None)
    busy = [
        call(n, customer_id=f"customer {n % CUSTOMERS:05}", started_at=now - timedelta(hours=1 + n / 1000))
        for n in range(2 * CUSTOMERS)
    ]
    odd = [
        call(10**6 + n, customer_id=name, started_at=now - timedelta(days=40))
        for n, name in enumerate((RARE, *HOSTILE))
    ]
    fill(settings, busy + odd)
    with served(settings.home) as running:
        yield running


def asker(server: Served) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Grafana's backend, of what a variable needs: macros, the wire, a frame."""
    address = Address(server.host, server.port, "llmwatch", server.password)

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        (query,) = asked["queries"]
        since, until = (
            datetime.fromtimestamp(int(asked[key]) / 1000, UTC).replace(tzinfo=None) for key in ("from", "to")
        )
        with Client(address) as client:
            found = frame(client.ask(expanded(query["rawSql"], Range(since, until))), "table")
        fields = [{"name": f["name"], "type": f["type"], "typeInfo": {"frame": f["type"]}} for f in found["fields"]]
        data = {"values": [f["values"] for f in found["fields"]]}
        return {
            "results": {
                query["refId"]: {"frames": [{"schema": {"refId": query["refId"], "fields": fields}, "data": data}]}
            }
        }

    return answer


def state_sql(board: str) -> str:
    """The query of the line on top."""
    model = load_dashboards()[board]
    return str(model["panels"][0]["targets"][0]["rawSql"])


def run(
    dist: Path, server: Served, variables: list[dict[str, Any]], url: dict[str, Any], steps: list[Step]
) -> list[dict[str, Any]]:
    """What is told after each step."""
    return told(dist, {"variables": variables, "url": url, "sql": state_sql("calls"), "steps": steps}, asker(server))


@pytest.mark.parametrize("board", load_dashboards())
def test_a_filter_of_an_address_stays_whatever_happens_to_the_page(dist: Path, crowd: Served, board: str) -> None:
    """Ticks, ranges without a call of it, a wire that is down, another page and back: it is what it was."""
    variables = load_dashboards()[board]["templating"]["list"]
    given = {"var-customer": [RARE], "var-task": ["triage", "a task that is gone"], "var-datasource": "llmwatch"}

    for step in run(dist, crowd, variables, given, OPEN):
        assert step["values"]["customer"] == RARE, step["name"]
        assert step["values"]["task"] == "triage + a task that is gone", step["name"]
        assert step["values"]["model"] == "All", step["name"]
        assert step["errors"] == [], step["name"]
        assert step["listed"]["customer"] == CUSTOMERS + 1 + len(HOSTILE), step["name"]
        assert step["url"]["var-customer"] == [RARE]
        assert f"['{RARE}']" in step["sent"]


@pytest.mark.parametrize(
    ("sources", "asked"),
    [
        ({"first": "P1", "llmwatch": "llmwatch", "third": "P3"}, "llmwatch"),
        ({"first": "P1", "llmwatch": "of another uid", "third": "P3"}, "of another uid"),
        ({"first": "P1", "third": "P3"}, "P1"),
    ],
)
def test_of_several_sources_ours_is_asked_until_another_is_chosen(
    dist: Path, crowd: Served, sources: dict[str, str], asked: str
) -> None:
    """After an import by hand, which asks for none: by uid, else by name, else the first; the chosen one stays."""
    variables = load_dashboards()["overview"]["templating"]["list"][:1]
    steps = [{"name": "opened"}, {"name": "chosen", "choose": {"datasource": "P3"}}, *OPEN[1:]]
    given = {
        "variables": variables,
        "url": {},
        "sql": state_sql("calls"),
        "steps": steps,
        "sources": [{"name": name, "uid": uid} for name, uid in sources.items()],
    }

    opened, *after = told(dist, given, asker(crowd))

    assert opened["url"]["var-datasource"] == asked
    assert opened["listed"]["datasource"] == len(sources)
    assert {step["url"]["var-datasource"] for step in after} == {"P3"}
    assert {step["values"]["datasource"] for step in after} == {"third"}


def test_a_name_that_is_typed_or_clicked_stays_too(dist: Path, crowd: Served) -> None:
    """Chosen on the open page, listed or not."""
    variables = load_dashboards()["overview"]["templating"]["list"]
    steps = [{"name": "opened"}, {"name": "chosen", "choose": {"customer": ["customer 09999", "typed"]}}, *OPEN[1:]]

    for step in run(dist, crowd, variables, {}, steps)[1:]:
        assert step["values"]["customer"] == "customer 09999 + typed", step["name"]


def test_the_test_sees_a_filter_that_falls_back_to_all(dist: Path, crowd: Served) -> None:
    """The variable as it would be with the time in its query, asked at each tick: everybody's numbers, in silence."""
    variables = copy.deepcopy(load_dashboards()["overview"]["templating"]["list"])
    customer = next(v for v in variables if v["name"] == "customer")
    customer["query"] = "select customer from call_facts where $__timeFilter(started_at) group by 1 limit 2000"
    customer["refresh"] = 2

    found = {
        step["name"]: step["values"]["customer"] for step in run(dist, crowd, variables, {"var-customer": [RARE]}, OPEN)
    }

    assert found["opened"] == RARE
    assert found["five ticks"] == "All"


def test_any_name_is_offered_chosen_and_sent_as_itself(dist: Path, crowd: Served) -> None:
    """Through Grafana's address, its variable and its data source to the wire: the one call of each name; and `check`
    writes what Grafana writes.
    """
    model = load_dashboards()["calls"]
    variables = model["templating"]["list"]
    address = Address(crowd.host, crowd.port, "llmwatch", crowd.password)
    with psycopg.connect(crowd.dsn) as connection:
        offered = [connection.execute("select shown_name(%s)", [name]).fetchall()[0][0] for name in HOSTILE]
    now = datetime.now(UTC).replace(tzinfo=None)
    when = Range(now - timedelta(days=90), now)
    query = next(q for q in board_queries("calls", model) if q.kind == "panel" and q.panel["id"] == 1)
    steps = [{"name": name, "choose": {"customer": [name]}} for name in offered]
    steps += [{"name": "search", "choose": {"customer": offered, "task": ["it's"]}}]

    found = run(dist, crowd, variables, {"var-search": "it's"}, steps)

    with Client(address) as client:
        for step in found[:-1]:
            assert step["values"]["customer"] == step["name"]
            chosen = {**query.variables({"customer": [step["name"]], "search": "it's"})}
            assert step["sent"] == with_variables(query.sql, chosen)
            unsearched = {**chosen, "search": Chosen("")}
            rows = client.ask(expanded(with_variables(query.sql, unsearched), when)).rows
            assert str(rows[0][0]).startswith("1 call in this range"), step["name"]
    assert found[-1]["sent"] == with_variables(
        query.sql, query.variables({"customer": offered, "task": ["it's"], "search": "it's"})
    )
