"""What reports say of a handful of numbers, each worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmwatch.analysis.answer import Asked, answer_report
from llmwatch.analysis.behaviour import AnswersChanged
from llmwatch.analysis.breakdown import beside_sections
from llmwatch.analysis.conditions import conditions_of, tripped
from llmwatch.analysis.configuration import Adopted, configuration_report, repriced_report
from llmwatch.analysis.counterfactual import Counterfactual, Part
from llmwatch.analysis.drift import Drift
from llmwatch.analysis.margin import Line
from llmwatch.analysis.measures import Measures
from llmwatch.analysis.option import Option
from llmwatch.analysis.report import Cell, Number, Text, Unknown
from llmwatch.analysis.saving import Saving
from llmwatch.analysis.simulate import Routing, simulate_report, simulated
from llmwatch.analysis.spend import Period, Spend, facts
from llmwatch.analysis.sunset import Ending, Sunset, sunset_section
from llmwatch.analysis.task_drift import Drifts, TaskDrift
from llmwatch.analysis.weekly import week_of
from llmwatch.analysis.weekly_report import Weekly
from llmwatch.figures.drift import keep_drift
from llmwatch.prices.models import Model
from llmwatch.store import file
from llmwatch.store.repricing import Repriced
from tests.stores import MOMENT

from .test_words_by_hand import verdict

WEEK = Period(MOMENT - timedelta(days=7), MOMENT)


def spend(usd: str | None = "500", **given: Any) -> Spend:
    """A week of ten calls that cost this much together."""
    row = {
        "name": None, "is_total": True, "is_current": True, "calls": 10,
        "spend_usd": None if usd is None else Decimal(usd), "unpriced_calls": 0 if usd else 10,
    }  # fmt: skip
    return Spend(period=WEEK, dimension="task", names=(), by=[row], first_call_at=MOMENT - timedelta(days=60), **given)


@pytest.mark.parametrize(
    ("usd", "holds"), [("499.999999999", False), ("500", False), ("500.000000001", True), (None, True)]
)
def test_spend_above_its_limit_trips_and_at_it_does_not(usd: str | None, holds: bool) -> None:
    """spend>500; no cost known is no pass."""
    assert bool(tripped(Weekly(spend(usd)), conditions_of("spend>500"))) is holds


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"configuration": "/srv/llmwatch.toml", "prices": "list 1"}, (Text("list 1"), Text("/srv/llmwatch.toml"))),
        ({}, (Unknown("no price table was read"), Unknown("default settings"))),
    ],
)
def test_what_a_report_rests_on_is_named(given: dict[str, str], expected: tuple[Cell, Cell]) -> None:
    """The price table and the configuration, or that there is none."""
    found = dict(facts(spend(**given)))

    assert (found["prices"], found["configuration"], found["calls"].value) == (*expected, 10)


def option(**fields: Any) -> Option:
    """A task that costs $8 a month on old; on new $4 at its own counts, $5 truly; half a month was seen."""
    use: Any = SimpleNamespace(
        task="sort", incumbent="old", calls_month=Decimal(1000), spend_month_usd=Decimal(8), spend_usd=Decimal(4),
        months=Decimal("0.5"), has_estimated_images=False,
    )  # fmt: skip
    cost = Counterfactual(Decimal(2), Decimal("2.5"), (Part("output_tokens", Decimal("0.5")),))
    plain: dict[str, Any] = {
        "use": use, "model": Model("new"), "verdict": verdict(kind="cannot_tell", replays=0), "cost": cost,
        "saving": None, "trial": None, "excluded": None, "unknown": (), "as_of": date(2026, 11, 21),
    }  # fmt: skip
    return Option(**{**plain, **fields})


HALF = Routing(share=Decimal("0.5"), escalate=Decimal("0.25"))


def test_a_share_is_routed_and_a_part_of_it_paid_twice() -> None:
    """Half of $8 is $4; $2 at the old counts, $2.50 at the new, and a quarter of $4 again: $3.50, so $0.50 is saved."""
    found = simulated(option(), HALF)

    assert found is not None
    assert (found.spend_usd, found.routed_usd, found.naive_usd, found.true_usd) == (8, 4, 2, Decimal("3.5"))
    assert (found.escalated_usd, found.parts) == (1, (Part("output_tokens", Decimal("0.5")),))
    assert (found.naive_saving_usd, found.true_saving_usd) == (2, Decimal("0.5"))


@pytest.mark.parametrize(
    ("share", "escalate", "most"), [("1", "0", "1"), ("0.5", "0", "0.5"), ("0.5", "0.25", "0.375"), ("1", "1", "0")]
)
def test_what_comes_back_saves_nothing(share: str, escalate: str, most: str) -> None:
    """Half of the calls, of which a quarter comes back: 37.5 % of the cost at most, were the other model free."""
    routing = Routing(Decimal(share), Decimal(escalate))

    assert routing.most_saving == Decimal(most)
    claimed = simulate_report(option(), replace(routing, claim=Decimal(most) + Decimal("0.001")), WEEK)
    assert "even if the other model were free" in claimed.summary[0]


def test_a_simulation_names_what_it_is_of() -> None:
    """Every fact under its own name."""
    found = dict(simulate_report(option(), HALF, WEEK).facts)

    assert [found[name] for name in ("task", "model", "candidate")] == [Text("sort"), Text("old"), Text("new")]
    assert [found[name].value for name in ("share", "escalate", "calls_month")] == [
        Decimal("0.5"), Decimal("0.25"), 1000,
    ]  # fmt: skip
    assert found["tier"] == Text("as the task's calls")


@pytest.mark.parametrize(
    ("saving", "words"),
    [(None, []), (Saving(Decimal(1), Decimal(2), Decimal(3), 0.5, 40), ["measured on 40 replays"])],
)
def test_a_simulation_says_whether_its_counts_are_measured(saving: Saving | None, words: list[str]) -> None:
    """On how many replays; nothing where there were none."""
    [section] = simulate_report(option(saving=saving), HALF, WEEK).sections

    said = [note.text for note in section.notes if "Token counts" in note.text]
    assert len(said) == len(words)
    assert all(word in text for word, text in zip(words, said, strict=True))


REPRICED = {
    "known": Repriced("list", "a", 3, 0, 0, Decimal(6), Decimal(4)),
    "newly": Repriced("hosts", "a", 3, 3, 0, Decimal(0), Decimal(4)),
    "some": Repriced("list", "a", 3, 2, 1, Decimal(6), Decimal(4)),
    "lost": Repriced("hosts", "a", 3, 0, 3, Decimal(6), Decimal(0)),
    "still": Repriced("unpriced", "a", 3, 3, 3, Decimal(0), Decimal(0)),
}


@pytest.mark.parametrize(
    ("kind", "before", "after", "difference", "priced", "unpriced"),
    [
        ("known", 6, 4, -2, 0, 0), ("newly", None, 4, 4, 3, 0), ("some", 6, 4, -2, 2, 1),
        ("lost", 6, None, -6, 0, 3), ("still", None, None, 0, 0, 3),
    ],
)  # fmt: skip
def test_calls_without_a_cost_cost_nothing_known(
    kind: str, before: int | None, after: int | None, difference: int, priced: int, unpriced: int
) -> None:
    """A sum of which no call has a cost is unknown, before and after; what stays unknown is not newly priced."""
    report = repriced_report([REPRICED[kind]], 0, "0123456789", is_dry=True)

    [table] = report.sections[0].tables
    for row in table.rows:
        cells = dict(zip((column.key for column in table.columns), row.cells, strict=True))
        money = [None if isinstance(cell := cells[key], Unknown) else cell.value for key in ("before_usd", "after_usd")]
        assert (money, cells["difference_usd"].value) == ([before, after], difference)
        assert (cells["calls"].value, cells["priced"].value, cells["unpriced"].value) == (3, priced, unpriced)


@pytest.mark.parametrize(("settings", "notes"), [({}, 1), ({"target_margin": "0.5"}, 0)])
def test_a_configuration_of_defaults_says_so(settings: dict[str, str], notes: int) -> None:
    """And one that states something does not."""
    [section] = configuration_report(Adopted("llmwatch.toml", None, settings)).sections

    assert len(section.notes) == notes
    assert [row.key for row in section.tables[0].rows] == list(settings)


def each(name: str, usd: str, *, rows: int, names: int) -> dict[str, Any]:
    """A row of spend_by_each: one feature of this week, and how many there are, the unnamed calls among the rows."""
    return {
        "dimension": "feature", "name": name, "is_current": True, "calls": 1, "spend_usd": Decimal(usd),
        "names": rows, "current_rows": rows, "current_names": names,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("listed", "rows", "names", "words"),
    [
        # seven features; six and calls without one among the others, or among the listed
        ("abcde", 7, 7, "2 others"),
        ("abcde", 7, 6, "1 other and (no feature)"),
        ("abcde", 6, 5, "(no feature)"),
        (("a", "b", "c", "d", ""), 7, 6, "2 others"),
    ],
)
def test_the_others_say_whether_calls_without_a_name_are_among_them(
    listed: Any, rows: int, names: int, words: str
) -> None:
    """Five are listed."""
    found = spend(each=[each(name, "9", rows=rows, names=names) for name in listed])

    [section] = beside_sections(found, without="model")

    [table] = section.tables
    assert table.rows[-1].cells[0] == Text(words, "quiet")


@pytest.mark.parametrize(("models", "totals"), [(1, 0), (2, 1), (3, 1)])
def test_models_that_stop_on_one_day_have_a_sum(models: int, totals: int) -> None:
    """Two are enough for one; one is its own."""
    on = date(2027, 1, 31)
    endings = [
        Ending(f"m{n}", on, Measures({"calls": 1, "spend_usd": Decimal(n + 1)}), (), (), MOMENT) for n in range(models)
    ]

    [table] = sunset_section(Sunset(WEEK, tuple(endings), Decimal(10), {})).tables

    sums = [row for row in table.rows if row.kind == "total"]
    assert len(sums) == totals
    spends = dict(zip((column.key for column in table.columns), table.rows[-1].cells, strict=True))["spend_usd"]
    assert spends.value == sum(range(1, models + 1))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # revenue 5: losses of 3 and 1, then 20 % and 80 %, then those without revenue, the dearest first
        (
            [("a", "5", "1"), ("b", "5", "6"), ("c", None, "1"), ("d", "5", "8"), ("e", None, "7"), ("f", "5", "4")],
            "dbfaec",
        ),
        # equal ones by name, nothing earned after everything
        ([("z", "5", "1"), ("y", "5", "1"), ("x", "0", "0"), ("w", None, "1"), ("v", None, "1")], "yzxvw"),
    ],
)
def test_names_are_in_the_order_of_what_they_lose(lines: list[tuple[str, str | None, str]], expected: str) -> None:
    """Losses, then the lowest share, then what is not known by its cost."""
    made = [
        Line(name, Measures({"calls": 1, "spend_usd": Decimal(cost)}), None if earned is None else Decimal(earned))
        for name, earned, cost in lines
    ]

    assert "".join(line.name for line in sorted(made, key=lambda line: line.rank)) == expected


MONDAY = date(2026, 11, 9)
SINCE = week_of(MONDAY)
LONGER = AnswersChanged("t", "output_length", "up", False, 300.0, 800.0, SINCE, (SINCE, SINCE), 0.001, 100, 100)


@pytest.mark.parametrize(
    ("verdict", "signals", "expected"),
    [
        ("no sign of change", (), "no sign of change"),
        ("no sign of change", (LONGER,), "answers changed"),
        ("too little evidence", (LONGER,), "answers changed"),
        ("mix changed", (LONGER,), "mix changed"),
        ("mix changed", (), "mix changed"),
    ],
)
def test_answers_changed_is_said_where_scores_say_nothing(
    tmp_path: Path, verdict: Any, signals: tuple[AnswersChanged, ...], expected: str
) -> None:
    """What boards show of a task: other inputs explain other answers."""
    drift = Drift("t", SINCE, verdict, since_week=SINCE, since_range=(SINCE, SINCE), mix_part=-0.1, mean_before=0.9,
                  mean_after=0.8, quality_part=0.0, loss=0.0, n_before=99, n_after=99)  # fmt: skip
    with file.connect(":memory:", tmp_path, read_only=False) as con:
        file.migrate(con, 0)

        keep_drift(con, Drifts(MOMENT, MONDAY, False, (TaskDrift("t", "label", "", drift, signals=signals),)))

        assert con.execute("select task_name, verdict from drift").fetchall() == [("t", expected)]


@pytest.mark.parametrize(
    ("value", "is_number", "cell"),
    [
        (True, False, Text("true")), (0, True, Number(0, "plain")),
        (Decimal("1.50"), True, Number(Decimal("1.50"), "plain")),
        (0.25, True, Number(Decimal("0.25"), "plain")), ("12", False, Text("12")),
        (float("nan"), True, Text("nan")), (float("-inf"), True, Text("-inf")), (None, False, Unknown("")),
    ],
)  # fmt: skip
def test_a_value_of_a_query_is_what_it_is(value: Any, is_number: bool, cell: Any) -> None:
    """Numbers to their last digit and to the right; what is no number, also among floats, is a word."""
    [table] = answer_report(Asked(("x",), ((value,),), is_truncated=False)).sections[0].tables

    assert (table.columns[0].is_number, table.rows[0].cells[0]) == (is_number, cell)
