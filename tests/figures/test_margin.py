"""Margin from rows of a real database: parts add up to the nano-dollar, unknown stays unknown, worst comes first."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmwatch.analysis.conditions import conditions_of, tripped
from llmwatch.analysis.margin import Margin
from llmwatch.analysis.margin_report import margin_report, margin_unknowns
from llmwatch.analysis.margin_tables import UNKNOWN_REVENUE
from llmwatch.analysis.report import Number, Report, Text, Unknown
from llmwatch.analysis.spend import Period
from llmwatch.analysis.sunset import NO_CUSTOMER, sunset_section
from llmwatch.errors import UsageError
from llmwatch.figures.margin import load_margin
from llmwatch.figures.reading import Reading
from llmwatch.figures.report import load_weekly
from llmwatch.figures.sunset import load_sunset
from llmwatch.render import RENDERERS
from llmwatch.render.text import render_text
from llmwatch.settings import Settings
from llmwatch.store import file
from llmwatch.store.plans import put_plans, subscriptions
from tests.stores import MOMENT, call

WEEK = Period(MOMENT - timedelta(days=7), MOMENT)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tables and views of today without a file."""
    con = file.connect(":memory:", tmp_path_factory.mktemp("memory"), read_only=False)
    file.migrate(con, 0)
    return con


@pytest.fixture
def rows(con: Any) -> Any:
    """The same, empty, and without what a test before has laid beside the tables."""
    forget(con)
    for table in ("calls", "revenue", "subscriptions", "shared_costs", "replays", "judgements"):
        con.execute(f"delete from {table}")
    # What a reading before kept of its revenue, for itself.
    con.execute("drop table if exists temp.revenue_records")
    return con


def forget(con: Any) -> None:
    """What a command has laid beside the tables hides them no more."""
    for (name,) in con.execute("select table_name from duckdb_tables() where temporary").fetchall():
        con.execute(f"drop table temp.{name}")


def put(con: Any, table: str, *rows: dict[str, Any]) -> None:
    """Inserts rows; columns not given are null."""
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        con.execute(f"insert into {table} ({names}) values ({', '.join(f'${n}' for n in row)})", row)


def event(number: int, amount: str, **columns: Any) -> dict[str, Any]:
    """Revenue an hour before the moment; an outcome if it has one."""
    return {
        "event_id": f"e{number}",
        "occurred_at": MOMENT - timedelta(hours=1),
        "recorded_at": MOMENT,
        "kind": "outcome" if "outcome" in columns else "revenue",
        "amount_usd": Decimal(amount),
        "source": "code",
        **columns,
    }


def reading(con: Any, **given_settings: Any) -> Reading:
    """What a command reads with: nothing is kept of what another one read on this connection."""
    forget(con)
    return Reading(con, settings=Settings(**given_settings))


def margin(con: Any, dimension: str = "customer", top: int = 10, **given_settings: Any) -> Margin:
    """The margin of the week."""
    return load_margin(reading(con, **given_settings), WEEK, dimension, top)


def cells(report: Report, row: str, table: str = "") -> dict[str, Any]:
    """Column -> cell of one row of the main table."""
    found = next(t for s in report.sections for t in s.tables if t.key == (table or report.main_table))
    line = next(r for r in found.rows if r.key == row)
    return dict(zip((c.key for c in found.columns), line.cells, strict=True))


def keys(report: Report) -> list[str]:
    """The rows of the main table, in order."""
    return [r.key for s in report.sections for t in s.tables if t.key == report.main_table for r in t.rows]


# --- recognition


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31))  # noqa: DTZ001 - stored times have no zone
AMOUNTS = st.integers(-(10**13), 10**13).map(lambda n: Decimal(n).scaleb(-9))


def unit_of(per: str, at: datetime) -> tuple[datetime, datetime]:
    """The calendar unit that the moment is in."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if per in ("day", "week"):
        begin = day if per == "day" else day - timedelta(days=day.weekday())
        return begin, begin + timedelta(days=1 if per == "day" else 7)
    if per == "year":
        return datetime(at.year, 1, 1), datetime(at.year + 1, 1, 1)  # noqa: DTZ001
    return day.replace(day=1), datetime(at.year + at.month // 12, at.month % 12 + 1, 1)  # noqa: DTZ001


@FEW
@given(
    amount=AMOUNTS,
    per=st.sampled_from(["once", "span", "day", "week", "month", "year"]),
    ends=st.lists(MOMENTS, min_size=2, max_size=2, unique=True),
    cuts=st.lists(MOMENTS, min_size=3, max_size=6),
)
def test_windows_side_by_side_add_up_exactly(
    con: Any, amount: Decimal, per: str, ends: list[datetime], cuts: list[datetime]
) -> None:
    """Whatever the stream and the cuts: the parts are the whole, to the nano-dollar, and no part takes any back."""
    starts, until = sorted(ends)
    given = {"a": amount, "p": per, "s": starts, "e": until if per != "once" else None}
    sql = "select recognised_nano(cast($a as decimal(18, 9)), $p, $s, $e, $since, $until)"
    cuts = sorted(cuts)
    windows = [
        con.execute(sql, {**given, "since": a, "until": b}).fetchone()[0]
        for a, b in (*pairwise(cuts), (cuts[0], cuts[-1]))
    ]
    whole = windows.pop()

    assert sum(windows) == whole
    assert all(window * amount >= 0 for window in windows)


@FEW
@given(
    amount=st.integers(0, 10**12),
    per=st.sampled_from(["day", "week", "month", "year"]),
    first=MOMENTS,
    hours=st.integers(1, 5000),
)
def test_a_calendar_unit_is_worth_its_price_however_long_it_is(
    con: Any, amount: int, per: str, first: datetime, hours: int
) -> None:
    """amount x overlap / length of each calendar unit, computed another way, in fractions, to the nano-dollar."""
    until = first + timedelta(hours=hours)
    exact, at = Fraction(0), first
    while at < until:
        begin, end = unit_of(per, at)
        part = min(end, until) - at
        exact += Fraction(amount) * (part // timedelta(microseconds=1)) / ((end - begin) // timedelta(microseconds=1))
        at = min(end, until)
    sql = "select accrued_nano(cast($a as decimal(18, 9)), $p, $s, null, $t)"
    found = con.execute(sql, {"a": Decimal(amount).scaleb(-9), "p": per, "s": first, "t": until}).fetchone()[0]

    assert abs(found - exact) <= 1


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_a_plan_by_the_week_is_worth_as_much_on_every_day(con: Any, hours: int) -> None:
    """Windows that hold the end of a week too: DuckDB counts weeks from the day of the week it is given."""
    sql = "select recognised_nano(cast(168 as decimal(18, 9)), 'week', $s, null, $a, $b)"
    starts = datetime(2026, 9, 2, 12)  # noqa: DTZ001 - a Wednesday; stored times have no zone
    found = {
        con.execute(sql, {"s": starts, "a": at, "b": at + timedelta(hours=hours)}).fetchone()[0]
        for at in (starts + timedelta(hours=6 * n) for n in range(56))
    }

    assert found == {hours * 10**9}


def test_the_days_of_a_dashboard_are_the_days_of_the_command(rows: Any) -> None:
    """The view by customer and day, and the one by hour, add up to the revenue of the week."""
    put(rows, "calls", *(call(n, hours_ago=24 * n) for n in range(1, 7)))
    put(rows, "revenue", event(1, "70", customer_id="acme", recognised_from=WEEK.since, recognised_until=WEEK.until),
        event(2, "-3", customer_id="acme"))  # fmt: skip
    put(rows, "subscriptions", {"customer_id": "acme", "plan": "pro", "amount_usd": Decimal(30), "per": "month",
                                "starts_at": WEEK.since + timedelta(days=2)})  # fmt: skip
    asked = "select sum(revenue_usd) from {} where customer = 'acme' and {} >= $since and {} < $until"
    whole = [
        rows.execute(asked.format(view, step, step), {"since": WEEK.since, "until": WEEK.until}).fetchone()[0]
        for view, step in (("revenue_by_customer_hour", "hour"),)
    ]

    assert whole == [margin(rows).now_totals.revenue]
    assert whole[0] == Decimal(67) + Decimal(30) * 5 / 30


# --- definitions


def test_unknown_revenue_is_unknown_and_none_is_said_to_be_none(rows: Any) -> None:
    """A customer nobody has spoken of is no loss; one on a free plan is, and has no percentage."""
    put(
        rows,
        "calls",
        call(1, customer_id="silent"),
        call(2, customer_id="free", cost="0.02"),
        call(3, customer_id=None),
    )
    put(rows, "subscriptions", {"customer_id": "free", "plan": "free", "amount_usd": Decimal(0), "per": "month",
                                "starts_at": WEEK.since})  # fmt: skip

    found = margin(rows)
    report = margin_report(found)

    assert isinstance(cells(report, "silent")["revenue_usd"], Unknown)
    assert isinstance(cells(report, "silent")["margin_usd"], Unknown)
    assert cells(report, "free")["margin_usd"] == Number(Decimal("-0.02"), "usd")
    assert cells(report, "free")["margin_share"] == Text("n/a (no revenue)")
    totals = found.now_totals
    assert (totals.margin, totals.share, totals.leakage) == (Decimal("-0.02"), None, Decimal("0.02"))
    assert (totals.unknown, totals.unattributed) == (Decimal("0.01"), Decimal("0.01"))
    assert totals.least == Decimal("-0.04")


def test_the_share_of_all_is_that_of_the_sums(rows: Any) -> None:
    """Not a mean of percentages; the rest has a row, and every column of money adds up."""
    put(rows, "calls", *(call(n, customer_id=f"c{n}", cost=str(n)) for n in range(1, 7)))
    put(rows, "revenue", *(event(n, str(10 * n * n), customer_id=f"c{n}") for n in range(1, 7)))

    report = margin_report(margin(rows, top=2))

    listed = keys(report)
    assert listed == ["c1", "c2", "(others)", "(all)"]
    for column in ("revenue_usd", "cost_usd", "margin_usd"):
        *parts, whole = (cells(report, key)[column].value for key in listed)
        assert sum(parts) == whole
    assert cells(report, "(all)")["margin_share"].value == Decimal(910 - 21) / 910


def test_the_greatest_loss_comes_first_and_names_decide_between_equals(rows: Any) -> None:
    """Losses by dollars, then the others by share; the unknown after them."""
    money = {"b": ("1", "3"), "a": ("1", "3"), "big": ("100", "150"), "rich": ("100", "1"), "thin": ("1000", "900")}
    put(rows, "calls", *(call(n, customer_id=name, cost=cost) for n, (name, (_, cost)) in enumerate(money.items(), 1)))
    put(rows, "calls", call(99, customer_id="silent"))
    put(rows, "revenue", *(event(n, paid, customer_id=name) for n, (name, (paid, _)) in enumerate(money.items())))

    assert keys(margin_report(margin(rows)))[:6] == ["big", "a", "b", "thin", "rich", "silent"]


def test_revenue_goes_to_the_task_it_names_then_by_outcomes_then_by_usage_and_never_by_cost(rows: Any) -> None:
    """The ladder of allocation: own, outcome value, usage as set; share of cost states no margin."""
    put(rows, "calls", call(1, task_name="draft", cost="1", response_id="r1"), call(2, task_name="draft", cost="1"),
        call(3, task_name="sort", cost="2"))  # fmt: skip
    put(rows, "revenue", event(1, "30", customer_id="acme"), event(2, "5", response_id="r1"))

    by_cost = margin(rows, "task")
    by_calls = {line.name: line for line in margin(rows, "task", revenue_by="calls").lines}
    put(rows, "revenue", event(3, "1", outcome="sold", is_success=True, customer_id="acme", task="sort"),
        event(4, "2", outcome="sold", is_success=True, customer_id="acme", task="draft"),
        event(5, "9", outcome="sold", is_success=False, customer_id="acme", task="draft"))  # fmt: skip
    by_outcome = {line.name: line for line in margin(rows, "task", revenue_by="calls").lines}

    assert [line.margin for line in by_cost.lines] == [None, None]
    assert by_cost.undivided == 30
    assert "share of cost" in " ".join(note.text for note in margin_unknowns(by_cost))
    assert {n: line.revenue for n, line in by_calls.items()} == {"draft": Decimal(25), "sort": Decimal(10)}
    assert {n: line.revenue for n, line in by_outcome.items()} == {"draft": Decimal(25), "sort": Decimal(10)}
    assert (by_outcome["draft"].outcomes, by_outcome["draft"].successes) == (2, 1)


def test_an_outcome_costs_all_calls_of_its_task(rows: Any) -> None:
    """Also those that led nowhere; without a success there is no cost per success."""
    put(rows, "calls", *(call(n, task_name="draft", cost="0.5") for n in range(4)), call(9, task_name="sort"))
    put(rows, "revenue", event(1, "0", outcome="solved", is_success=True, task="draft"),
        event(2, "0", outcome="solved", is_success=False, task="draft"),
        event(3, "0", outcome="moved", is_success=False, task="sort"))  # fmt: skip

    report = margin_report(margin(rows))

    solved, moved = (cells(report, key, "outcomes") for key in ("solved/draft", "moved/sort"))
    assert (solved["per_outcome_usd"].value, solved["per_success_usd"].value) == (Decimal(1), Decimal(2))
    assert isinstance(moved["per_success_usd"], Unknown)


def test_a_call_belongs_to_the_plan_its_customer_was_on(rows: Any) -> None:
    """A move from one plan to another in the middle of the week divides the cost at that moment."""
    middle = MOMENT - timedelta(days=3)
    put(rows, "calls", call(1, hours_ago=24 * 5, cost="1"), call(2, hours_ago=1, cost="2"))
    per = {"customer_id": "acme", "per": "day"}
    put(rows, "subscriptions",
        {**per, "plan": "small", "amount_usd": Decimal(1), "starts_at": WEEK.since, "ends_at": middle},
        {**per, "plan": "large", "amount_usd": Decimal(10), "starts_at": middle})  # fmt: skip

    lines = {line.name: line for line in margin(rows, "plan").lines}

    assert {n: (line.revenue, line.cost) for n, line in lines.items()} == {
        "small": (Decimal(4), Decimal(1)), "large": (Decimal(30), Decimal(2)),
    }  # fmt: skip


def test_what_is_spent_to_know_is_in_no_margin(rows: Any) -> None:
    """Replays and judgements of the week stand beside it; one of unknown cost is said."""
    put(rows, "calls", call(1))
    put(rows, "revenue", event(1, "1", customer_id="acme"))
    at = MOMENT - timedelta(hours=2)
    put(rows, "replays", {"replay_id": "a", "state": "sent", "recorded_at": at},
        {"replay_id": "a", "state": "answered", "recorded_at": at, "cost_usd": Decimal("0.5")},
        {"replay_id": "b", "state": "sent", "recorded_at": at})  # fmt: skip
    put(rows, "judgements", {"judgement_id": "j", "state": "answered", "recorded_at": at, "cost_usd": Decimal("0.25")})

    report = margin_report(margin(rows))

    assert cells(report, "knowing_usd", "margin")["now"].value == Decimal("0.75")
    assert cells(report, "margin_usd", "margin")["now"].value == Decimal("0.99")
    assert any("1 request of replays or judges" in note.text for s in report.sections for note in s.notes)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]), st.sampled_from(["draft", "sort", None]), st.integers(0, 10**10),
        st.integers(0, 5000),
    ),
    min_size=1, max_size=12,
)  # fmt: skip
MONEY = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "d", None]), st.sampled_from(["draft", "other", None]),
        st.integers(-(10**12), 10**12),
    ), max_size=6,
)  # fmt: skip


@settings(FEW, max_examples=5)
@given(made=CALLS, paid=MONEY, shared=st.integers(1, 10**11), by=st.sampled_from(["calls", "tokens", "spend"]),
       revenue_by=st.sampled_from(["calls", "tokens", "cost"]), worth=st.integers(0, 3))  # fmt: skip
def test_parts_add_up_to_the_nano_dollar(
    rows: Any, made: Any, paid: Any, shared: int, by: str, revenue_by: str, worth: int
) -> None:
    """Revenue, direct and shared cost by customer, task and plan are each the same sum."""
    for table in ("calls", "revenue", "shared_costs"):
        rows.execute(f"delete from {table}")
    put(rows, "calls", *(
        call(n, customer_id=who, task_name=task, task=task, cost=str(Decimal(pico).scaleb(-12)), input_tokens=tokens)
        for n, (who, task, pico, tokens) in enumerate(made)
    ))  # fmt: skip
    put(rows, "revenue", *(
        event(n, str(Decimal(nano).scaleb(-9)), customer_id=who, task=task) for n, (who, task, nano) in enumerate(paid)
    ))  # fmt: skip
    put(rows, "revenue", *(
        event(100 + n, str(n), outcome="won", is_success=True, customer_id="a", task="draft") for n in range(worth)
    ))  # fmt: skip
    put(rows, "shared_costs", {"name": "storage", "cost_usd": Decimal(shared).scaleb(-9), "per": "day",
                               "divided_by": by, "starts_at": WEEK.since, "ends_at": WEEK.until})  # fmt: skip
    cost = sum((Decimal(pico).scaleb(-12) for *_, pico, _ in made), Decimal(0))
    revenue = sum((Decimal(nano).scaleb(-9) for *_, nano in paid), Decimal(0))

    for dimension in ("customer", "task", "plan"):
        found = margin(rows, dimension, revenue_by=revenue_by)
        assert sum((line.revenue or Decimal(0) for line in found.lines), found.undivided) == revenue
        assert sum(line.direct or Decimal(0) for line in found.lines) == cost
        divided = sum(line.shared for line in found.lines)
        assert divided == (0 if found.undivided_shared else 7 * Decimal(shared).scaleb(-9))


# --- calls without a price


def put_calls(con: Any, priced: int, unpriced: int, cost: str = "0.01", **columns: Any) -> None:
    """So many calls alike with a price, and without."""
    for many, usd in ((priced, cost), (unpriced, None)):
        if not many:
            continue
        (first,) = con.execute("select count(*) from calls").fetchone()
        put(con, "calls", call(first, cost=usd, **columns))
        sql = "insert into calls select c.* replace (printf('%016x', $first + n) as span_id) from calls as c,"
        sql += " range(1, $many) as numbered(n) where span_id = printf('%016x', $first)"
        con.execute(sql, {"first": first, "many": many})


@pytest.mark.parametrize(
    ("priced", "unpriced", "share", "usd"),
    [
        (200, 0, Number(Decimal("0.98"), "share"), Number(Decimal(98), "usd")),
        (
            198,
            2,
            Number(Decimal("0.9802"), "share", "2 unpriced", "at most"),
            Number(Decimal("98.02"), "usd", "2 unpriced", "at most"),
        ),
        (197, 3, Unknown("unknown: 3 of 200 calls are unpriced"), Unknown("unknown: 3 of 200 calls are unpriced")),
        (1, 334, Unknown("unknown: 334 of 335 calls are unpriced"), Unknown("unknown: 334 of 335 calls are unpriced")),
        (0, 1, Unknown("unknown: 1 of 1 calls is unpriced"), Unknown("unknown: 1 of 1 calls is unpriced")),
    ],
)
@pytest.mark.parametrize("dimension", ["customer", "task", "plan", "model", "service", "feature"])
def test_a_margin_with_unpriced_calls_is_a_bound_and_above_one_per_cent_unknown(
    rows: Any, priced: int, unpriced: int, share: Any, usd: Any, dimension: str
) -> None:
    """In the head, in the row of every dimension and in its sum."""
    put_calls(rows, priced, unpriced, feature="chat")
    put(rows, "revenue", event(1, "100", customer_id="acme", task="reply.draft", feature="chat"))
    put(rows, "revenue", event(2, "0", span_id=f"{0:016x}"))
    if dimension in ("model", "service"):
        rows.execute("update revenue set span_id = $id, task = null, feature = null", {"id": f"{0:016x}"})

    report = margin_report(margin(rows, dimension))

    head = (cells(report, key, "margin")["now"] for key in ("margin_share", "margin_usd"))
    assert tuple(head) == (share, usd)
    for key in (next(iter(keys(report))), "(all)"):
        row = cells(report, key)
        assert (row["margin_share"], row["margin_usd"], row["unpriced_calls"]) == (
            share, usd, Number(unpriced, "count"),
        )  # fmt: skip


def test_what_is_made_of_a_margin_is_a_bound_too(rows: Any) -> None:
    """The price to break even, the headroom, the share of cost, the cost per outcome and the margin of a retirement."""
    put_calls(rows, 199, 1, cost="0.10")
    put(rows, "revenue", event(1, "100", customer_id="acme"),
        event(2, "0", outcome="solved", is_success=True, task="reply.draft"))  # fmt: skip

    report = margin_report(margin(rows, target_margin=0.5))
    (ending,) = sunset_section(load_sunset(reading(rows), WEEK)).tables[0].rows

    row = cells(report, "acme")
    least = Number(Decimal("19.9"), "usd", "1 unpriced", "at least")
    assert row["break_even_usd"] == cells(report, "solved/reply.draft", "outcomes")["per_success_usd"] == least
    assert row["headroom_usd"] == Number(Decimal("30.1"), "usd", "1 unpriced", "at most")
    assert row["allowance_used"] == Number(Decimal("0.398"), "share", "1 unpriced", "at least")
    assert cells(report, "direct_usd", "margin")["share"] == Number(Decimal("0.199"), "share", "1 unpriced", "at least")
    assert Number(Decimal("80.1"), "usd", "1 unpriced", "at most") in ending.cells


def test_the_formats_say_at_most(rows: Any) -> None:
    """For people beside the number, for programs beside the row; what is unknown is no number anywhere."""
    put_calls(rows, 199, 1, cost="0.10")
    put(rows, "revenue", event(1, "100", customer_id="acme"))
    bound = margin_report(margin(rows))
    put_calls(rows, 0, 100)
    unknown = margin_report(margin(rows))

    row = json.loads(RENDERERS["json"](bound))["sections"][1]["tables"][0]["rows"][0]
    assert (row["margin_share"], row["bounds"]["margin_share"]) == (0.801, "at most, 1 unpriced")
    assert "margin_share: at most, 1 unpriced" in RENDERERS["csv"](bound)
    for name in ("text", "md", "html"):
        write = RENDERERS.get(name, render_text)
        assert "at most 80.1 %" in write(bound)
        assert "1 unpriced" in write(bound)
        assert "unknown: 101 of 300 calls are unpriced" in write(unknown)
        assert "80.1 %" not in write(unknown)


def test_an_unpriced_call_of_no_customer_may_be_of_one_that_pays(rows: Any) -> None:
    """The margin of all is open as far as these calls are; that of each customer is what its own calls say."""
    put_calls(rows, 1, 0)
    put_calls(rows, 0, 334, customer_id=None)
    put(rows, "revenue", event(1, "49", customer_id="acme"))

    report = margin_report(margin(rows))

    assert cells(report, "margin_share", "margin")["now"] == Unknown("unknown: 334 of 335 calls are unpriced")
    assert cells(report, "unattributed_usd", "margin")["now"] == Unknown("unknown: 334 of 334 calls are unpriced")
    assert cells(report, "acme")["margin_usd"] == Number(Decimal("48.99"), "usd")


def test_calls_of_unknown_revenue_leave_the_margin_of_a_task_as_it_is(rows: Any) -> None:
    """What they cost is not in it, whether it is known or not."""
    put(rows, "calls", call(1), call(2, customer_id="silent", cost=None))
    put(rows, "revenue", event(1, "49", customer_id="acme", task="reply.draft"))

    report = margin_report(margin(rows, "task"))

    assert cells(report, "reply.draft")["margin_usd"] == Number(Decimal("48.99"), "usd")


def test_the_views_of_dashboards_say_the_same(rows: Any) -> None:
    """The margin of a day is null where more than 1 % of its calls have no price, and says where it is a bound."""
    put_calls(rows, 99, 1)
    put_calls(rows, 98, 2, customer_id="globex")
    put(rows, "revenue", event(1, "49", customer_id="acme"), event(2, "49", customer_id="globex"))

    found = rows.execute(
        "select customer, margin_usd, is_at_most from margin_by_customer_day where calls > 0 order by customer"
    ).fetchall()

    assert found == [("acme", Decimal("48.01"), True), ("globex", None, False)]


def conditions_that_hold(con: Any, asked: str) -> list[str]:
    """The names of the conditions that trip."""
    weekly = load_weekly(reading(con), WEEK, "task", 10)
    return [words.split(":")[0] for words in tripped(weekly, conditions_of(asked))]


def test_a_condition_holds_if_the_dearest_rate_of_the_task_would_make_it_hold(rows: Any) -> None:
    """198 calls at 10 cents, one at 50 with twice the tokens, one of 1,100 tokens unpriced.

    At 25 cents per 110 tokens it costs 2.50 at most, so that 79.7 % of 100 dollars are 77.2 %.
    """
    put_calls(rows, 198, 0, cost="0.10")
    put(rows, "calls", call(900, cost="0.50", input_tokens=200, output_tokens=20),
        call(901, cost=None, input_tokens=1000, output_tokens=100))  # fmt: skip
    put(rows, "revenue", event(1, "100", customer_id="acme"))

    limits = ("0.79", "0.773", "0.7721", "0.7719", "0.77")
    asked = ",".join(f"margin<{x},customer-margin<{x}" for x in limits)

    assert conditions_that_hold(rows, asked) == [
        f"{name}<{x}" for x in limits[:3] for name in ("margin", "customer-margin")
    ]
    assert conditions_that_hold(rows, "spend>22.79,spend>22.81") == ["spend>22.79"]


def test_a_call_of_unknown_size_is_as_dear_as_the_dearest_of_its_task(rows: Any) -> None:
    """Not of another task, however dear."""
    put_calls(rows, 198, 0, cost="0.10")
    put(rows, "calls", call(900, cost="5"), call(901, cost="50", task_name="other"),
        call(902, cost=None, input_tokens=None, output_tokens=None))  # fmt: skip
    put(rows, "revenue", event(1, "1000", customer_id="acme"))

    # 1,000 - 19.80 - 5 - 50 = 925.20; less 5
    assert conditions_that_hold(rows, "margin<0.9203,margin<0.9201") == ["margin<0.9203"]


@pytest.mark.parametrize(("priced", "unpriced", "task"), [(1, 334, "reply.draft"), (199, 1, "only.unpriced")])
def test_where_no_rate_is_known_a_condition_does_not_pass(rows: Any, priced: int, unpriced: int, task: str) -> None:
    """One priced call says nothing of 334 others, and another task nothing of this one."""
    put_calls(rows, priced, 0)
    put_calls(rows, 0, unpriced, task_name=task)
    put(rows, "revenue", event(1, "100", customer_id="acme"))

    asked = "margin<0.5,customer-margin<0.5,spend>1000,margin<-10"

    assert conditions_that_hold(rows, asked) == asked.split(",")


# --- plans


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"plans": {"pro": {"price": 1}}, "subscriptions": ()}, "plans.pro: price is not known here"),
        ({"subscriptions": ({"customer": "a", "plan": "pro"},)}, "there is no plan 'pro'"),
        ({"plans": {"pro": {}}, "subscriptions": ({"customer": "a", "plan": "pro"},)}, "from is missing"),
        ({"plans": {"pro": {"price_usd": -1}}}, "price_usd = -1 is not a number of US dollars"),
        (
            {"plans": {"pro": {}}, "subscriptions": ({"customer": "a", "plan": "pro", "from": "soon"},)},
            "from = 'soon' is not a date",
        ),
    ],
)
def test_a_wrong_plan_is_one_sentence(given: dict[str, Any], problem: str) -> None:
    """It names the entry, what is wrong and what would be right."""
    with pytest.raises(UsageError, match=problem):
        subscriptions(Settings(**given))


def test_subscriptions_follow_the_settings(rows: Any) -> None:
    """What is not in the settings any more is gone from the store; price and seats make the amount."""
    given = {"plans": {"pro": {"price_usd": 19.9, "seat_price_usd": 5}},
             "subscriptions": ({"customer": "a", "plan": "pro", "seats": 3, "from": "2026-09-01"},)}  # fmt: skip
    put_plans(rows, Settings(**given))
    before = rows.execute("select customer_id, plan, amount_usd, per from subscriptions").fetchall()
    put_plans(rows, Settings())

    assert before == [("a", "pro", Decimal("34.9"), "month")]
    assert rows.execute("select count(*) from subscriptions").fetchone() == (0,)


# --- sunset


def test_what_stops_is_listed_by_date_with_those_who_depend_on_it(rows: Any) -> None:
    """Fine-tuned models stop with their base; a model without a date is not there."""
    put(rows, "calls", call(1, cost="1"), call(2, cost="2", response_model="ft:gpt-4o-mini-2024-07-18:acme::x1"),
        call(3, cost="4", response_model="gpt-5-mini-2025-08-07", customer_id="globex"),
        call(4, cost="8", response_model="gpt-6-luna"))  # fmt: skip
    put(rows, "revenue", event(1, "10", customer_id="acme"))

    found = load_sunset(reading(rows), WEEK)

    assert [(e.model, str(e.shutdown_on)) for e in found.endings] == [
        ("gpt-5-mini-2025-08-07", "2026-12-11"),
        ("ft:gpt-4o-mini-2024-07-18:acme::x1", "2027-01-14"),
        ("gpt-4o", "2027-01-14"),
    ]
    assert found.spend == 15
    assert found.customers["acme"].margin == Decimal(-1)


def test_a_model_that_nobody_by_name_uses_has_no_revenue_to_be_unknown(rows: Any) -> None:
    """The reason is that its calls name no customer, not that a customer's revenue is missing."""
    put(rows, "calls", call(1, cost="1", customer_id=None), call(2, cost="1", response_model="gpt-5-mini-2025-08-07"))

    (first, second) = sunset_section(load_sunset(reading(rows), WEEK)).tables[0].rows

    assert [cell.reason for cell in first.cells if isinstance(cell, Unknown)] == [UNKNOWN_REVENUE] * 2
    assert [cell.reason for cell in second.cells if isinstance(cell, Unknown)] == [NO_CUSTOMER] * 2


def test_a_row_says_what_it_is_of(tmp_path: Path) -> None:
    """The commands run on an empty home and say what to do."""
    from typer.testing import CliRunner

    from llmwatch.cli import app

    for command in (("margin",), ("sunset",), ("revenue", "list"), ("revenue", "check")):
        result = CliRunner().invoke(app, [*command, "--home", str(tmp_path / "home")], catch_exceptions=False)
        assert (result.exit_code, bool(result.stdout)) == (0, True)
