"""The report as a function of its rows: no store, no clock, the same rows give the same report."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from llmwatch.analysis.report import Number, Report, Section, Text, Unknown
from llmwatch.analysis.spend import Period, Spend
from llmwatch.analysis.unknowns import price_entry
from llmwatch.analysis.weekly_report import Weekly, weekly_report

SINCE = datetime(2026, 11, 9)  # noqa: DTZ001 - stored times are UTC without a zone
WEEK = Period(SINCE, SINCE + timedelta(days=7))


def spend_report(found: Spend) -> Report:
    """The report where nothing but the spend is known."""
    return weekly_report(Weekly(found))


def row(
    name: str | None, *, is_current: bool = True, calls: int = 10, spend: str | None = "1", **more: Any
) -> dict[str, Any]:
    """One row of `spend_by`; no name is the row over all calls."""
    usd = None if spend is None else Decimal(spend)
    return {"name": name, "is_total": name is None, "is_current": is_current, "calls": calls, "spend_usd": usd, **more}


def spend(*rows: dict[str, Any], names: tuple[str, ...] = ("a",), **more: Any) -> Spend:
    """A week by task."""
    given: dict[str, Any] = {"first_call_at": SINCE - timedelta(days=30), **more}
    return Spend(period=WEEK, dimension="task", names=names, by=rows, **given)


def section(report: Report, key: str) -> Section:
    """The section of that name."""
    return next(section for section in report.sections if section.key == key)


def words(report: Report) -> str:
    """All notes with their code."""
    return "\n".join(f"{note.text} {note.remedy} {note.code}" for each in report.sections for note in each.notes)


def test_every_total_says_what_it_leaves_out() -> None:
    """Unpriced calls are counted beside the sum, named, and come with the entry that prices them."""
    unpriced = {
        "model": 'own"\n1',
        "host": "llm.internal",
        "reason": "no price",
        "calls": 4,
        "input_tokens": 9,
        "output_tokens": None,
    }
    report = spend_report(spend(row(None, unpriced_calls=4), row("a", unpriced_calls=4), unpriced=[unpriced]))

    assert "The total leaves out 4 unpriced calls" in words(report)
    assert 'model = "own\\u0022\\u000a1"' in words(report)
    assert section(report, "unknowns").is_warning


def test_a_report_without_gaps_says_so() -> None:
    """The section of what is not known never vanishes."""
    unknowns = section(spend_report(spend(row(None), row("a"))), "unknowns")

    assert not unknowns.is_warning
    assert unknowns.notes[0].text.startswith("Nothing")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"events": [{"kind": "spool_dropped", "count": 7, "last_at": SINCE}]}, "7 records were dropped"),
        ({"defects": [{"defect": "usage_unreadable", "calls": 2}]}, "usage_unreadable (2)"),
        ({"prices_age_days": 90}, "that is the age of the price table"),
        ({"hindrances": ("The store is open elsewhere.",)}, "The store is open elsewhere."),
    ],
)
def test_each_gap_is_a_sentence(more: dict[str, Any], sentence: str) -> None:
    """Drops, unreadable fields, old prices and a blocked merge are all said."""
    assert sentence in words(spend_report(spend(row(None), row("a"), **more)))


def test_estimated_spend_is_said_with_its_size_its_error_and_the_way_to_make_it_exact() -> None:
    """All three of them, and the option in the request."""
    estimated = {"estimated_calls": 5, "estimated_usd": Decimal("0.25"), "estimate_error_usd": 0.05}
    text = words(spend_report(spend(row(None, **estimated), row("a", **estimated))))

    assert "$0.25 of spend (25.0 %) is estimated, typically within 20.0 %" in text
    assert 'stream_options={"include_usage": True}' in text


def test_names_are_listed_in_the_order_given_then_the_others_then_all() -> None:
    """A name without calls in the period still has its line."""
    rows = (row(None, calls=30), row("a", calls=20), row("b", is_current=False), row(None, is_current=False))
    rest = {**row("x", calls=10), "name": None, "is_total": False}
    report = spend_report(spend(*rows, rest, names=("a", "b"), other_names=3, past_names=3))
    table = section(report, "spend").tables[0]

    assert [each.key for each in table.rows] == ["a", "b", "(others)", "(all)"]
    assert table.rows[2].cells[1] == Number(10, "count")


def test_a_period_longer_than_the_store_is_compared_with_nothing() -> None:
    """Changes are unknown for a reason that is also a note."""
    report = spend_report(spend(row(None), row("a"), first_call_at=SINCE + timedelta(days=1)))
    money = section(report, "money").tables[0]

    assert isinstance(money.rows[0].cells[4], Unknown)
    assert "The store begins on" in words(report)


def test_cost_per_call_says_which_calls_it_is_of() -> None:
    """Spend by all calls is another number, so the note gives the divisor."""
    report = spend_report(spend(row(None, unpriced_calls=4), row("a", unpriced_calls=4)))

    assert "cost per 1,000 calls is of the other 6." in words(report)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=20, hours=5, minutes=41), "20 days 6 hours"),
    ],
)
def test_the_length_of_a_period_is_said_as_people_do(length: timedelta, said: str) -> None:
    """Days where there are some, one of anything in the singular."""
    report = spend_report(Spend(Period(SINCE, SINCE + length), "task", (), [row(None, calls=1)]))

    assert f"({said})" in report.summary[0]
    assert report.summary[1].startswith("1 call ")


@pytest.mark.parametrize(("days", "hours"), [(1, 1), (2, 1), (7, 24), (90, 24), (365, 168)])
def test_the_trend_has_points_that_fit_on_a_line(days: int, hours: int) -> None:
    """Hours up to two days, days up to ninety, weeks beyond."""
    assert Period(SINCE, SINCE + timedelta(days=days)).step == timedelta(hours=hours)


def test_a_price_entry_names_the_host_only_where_it_is_not_openai() -> None:
    """Prices of OpenAI's own host are those of the list."""
    assert "host" not in price_entry("gpt-9", "api.openai.com")
    assert 'host = "h"' in price_entry("gpt-9", "h")


def test_calls_that_failed_before_an_answer_have_no_grade() -> None:
    """Nothing is known of their usage, so that no evidence is claimed for it."""
    failed = {"calls": 4, "spend_usd": Decimal(0), "grade_a_calls": 4, "grade_a_usd": Decimal(0), "unbilled_calls": 4}
    report = spend_report(spend(row(None, **failed), row("a", **failed)))
    evidence = next(table for table in section(report, "money").tables if table.key == "evidence")

    assert [each.key for each in evidence.rows] == ["none"]
    assert evidence.rows[0].cells[3] == Number(4, "count")


def test_the_others_are_those_of_this_period_and_what_has_no_name_is_said() -> None:
    """The head counts names of this period; so does the line of the others."""
    rest = {**row("x", calls=10), "name": None, "is_total": False}
    some = spend_report(spend(row(None), rest, names=(), other_names=2, past_names=9, is_nameless_left=True))
    none = spend_report(spend(row(None), rest, names=(), other_names=0, past_names=9))

    assert section(some, "spend").tables[0].rows[0].cells[0] == Text("2 others and (no task)", "quiet")
    assert section(none, "spend").tables[0].rows[0].cells[0] == Text("of the period before", "quiet")


def test_every_model_without_a_price_gets_its_entry_up_to_five() -> None:
    """One note has the entries of all of them to fill in, and counts the rest."""
    unpriced = [
        {"model": f"own-{n}", "host": "llm.internal", "reason": "no price for it", "calls": 1, "input_tokens": 1}
        for n in range(7)
    ]
    report = spend_report(spend(row(None, unpriced_calls=7), row("a", unpriced_calls=7), unpriced=unpriced))
    note = next(note for note in section(report, "unknowns").notes if note.text.startswith("The prices of"))

    assert note.text == "The prices of own-0, own-1, own-2, own-3, own-4 and 2 more."
    assert note.code.count("[[prices]]") == 5
