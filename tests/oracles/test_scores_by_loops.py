"""Queries of quality over random scores, against plain loops over the same rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from llmwatch.store import Store
from llmwatch.store.queries import create_views, rows
from tests.stores import MOMENT, call, empty_store, fill

from .random_store import BEFORE, DAY, EDGES, SINCE, UNTIL, Row

SERIES = (
    ("label", "quality", ""), ("review", "quality", ""), ("judge", "quality", "r1"), ("judge", "quality", "r2"),
    ("label", "tone", ""),
)  # fmt: skip


class Scored:
    """Answers with their scores: one value per answer, rung, name and series, the mean of what was said."""

    def __init__(self, con: Any, answers: dict[tuple[str, ...], Row], calls: list[Row]) -> None:
        self.con, self.calls = con, calls
        self.answers = [answer for answer in answers.values() if answer["task"] is not None]

    def groups(self, *columns: str, **only: Any) -> dict[tuple[Any, ...], list[Row]]:
        """The answers of the period that are as asked, by these columns."""
        found: dict[tuple[Any, ...], list[Row]] = {}
        for answer in self.answers:
            if SINCE <= answer["started_at"] < UNTIL and all(answer[key] == value for key, value in only.items()):
                found.setdefault(tuple(answer[column] for column in columns), []).append(answer)
        return found


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    """A store of 200 calls and 600 scores."""
    draw = random.Random(5)
    calls, scores = [], []
    answers: dict[tuple[str, ...], Row] = {}
    for number in range(200):
        moment = draw.choice(EDGES) if number % 9 == 0 else BEFORE - DAY + 16 * DAY * draw.random()
        task, language = draw.choice(("draft", "sort", None)), draw.choice(("en", "de"))
        calls.append(
            {**call(number), "started_at": moment, "task_name": task, "task": task, "input_language": language}
        )
        for rung, name, series in draw.choices(SERIES, k=3):
            value, chance = draw.choice((0.0, 0.25, 0.5, 1.0, 1.0, None)), draw.choice((None, 0.5, 0.125))
            facts = draw.choice((None, None, 0, 2))
            scores.append(
                {
                    "score_id": f"s{len(scores)}", "scored_at": MOMENT - draw.randrange(99) * timedelta(seconds=1),
                    "span_id": calls[-1]["span_id"], "name": name, "value": value, "evidence": rung, "scorer": "x",
                    "rubric_hash": series or None, "probability": chance, "false_facts": facts,
                }
            )  # fmt: skip
            if value is None and facts is None:
                continue
            # Another judge with the same rubric is another series.
            told = f"{series} x" if rung == "judge" else series
            key = (str(number), rung, name, told)
            week = (moment - timedelta(days=moment.weekday())).date()
            answer = answers.setdefault(
                key,
                {"call": number, "task": task, "started_at": moment, "week": week, "language": language,
                 "evidence": rung, "name": name, "series": told, "values": [], "weights": [], "facts": [], "at": []},
            )  # fmt: skip
            answer["values"] += [] if value is None else [value]
            answer["weights"] += [] if chance is None else [1 / chance]
            answer["facts"] += [] if facts is None else [facts]
            answer["at"].append(scores[-1]["scored_at"])
    for answer in answers.values():
        answer["value"] = sum(answer["values"]) / len(answer["values"]) if answer["values"] else None
        answer["weight"] = max(answer["weights"], default=1.0)
        answer["false_facts"] = sum(answer["facts"]) / len(answer["facts"]) if answer["facts"] else None
    settings = empty_store(tmp_path_factory.mktemp("scores") / "home")
    fill(settings, calls)
    fill(settings, scores, "scores")
    with Store(settings).read() as con:
        create_views(con)
        yield Scored(con, answers, calls)


def judged_last(scored: Scored, mine: list[Row]) -> list[Row]:
    """Without what one judge said of answers that another scored later."""

    def latest(answer: Row) -> Row:
        same = [
            a
            for a in scored.answers
            if (a["call"], a["evidence"], a["name"]) == (answer["call"], "judge", answer["name"])
        ]
        return max(same, key=lambda a: (max(a["at"]), a["series"]))

    return [a for a in mine if a["evidence"] != "judge" or latest(a) is a]


def test_scores_week_by_week(scored: Scored) -> None:
    """Counts, sums, squares, cubes, and the sums by weight, of every task, week, language, rung, name and series."""
    found = rows(scored.con, "weekly_scores", since=SINCE, until=UNTIL)
    keys = ("task", "week", "language", "evidence", "name", "series")
    groups = {key: [a for a in mine if a["value"] is not None] for key, mine in scored.groups(*keys).items()}
    groups = {key: judged_last(scored, mine) for key, mine in groups.items()}
    groups = {key: mine for key, mine in groups.items() if mine}

    assert len(found) == len(groups)
    for row in found:
        mine = groups[row["task"], row["week"], row["stratum"][:2], row["evidence"], row["name"], row["series"]]
        values = [(a["value"], a["weight"]) for a in mine]
        assert row["n"] == len(mine)
        for column, right in {
            "total": sum(v for v, _ in values),
            "squares": sum(v**2 for v, _ in values),
            "cubes": sum(v**3 for v, _ in values),
            "weights": sum(w for _, w in values),
            "weighted_total": sum(w * v for v, w in values),
            "weights_squared": sum(w**2 for _, w in values),
        }.items():
            assert row[column] == pytest.approx(right), column


def test_scores_of_a_period(scored: Scored) -> None:
    """Of quality alone; what people counted of made-up facts beside it."""
    found = rows(scored.con, "quality_scores", since=SINCE, until=UNTIL)
    groups = scored.groups("task", "evidence", "series", name="quality")

    assert {(r["task"], r["evidence"], r["series"]) for r in found} == set(groups)
    for row in found:
        mine = groups[row["task"], row["evidence"], row["series"]]
        valued = [(a["value"], a["weight"]) for a in mine if a["value"] is not None]
        facts = [(a["false_facts"], a["weight"]) for a in mine if a["false_facts"] is not None]
        assert (row["n"], row["fact_answers"]) == (len(valued), len(facts))
        if valued:
            assert row["is_binary"] == all(v in (0, 1) for v, _ in valued)
        for column, right in {
            "weights": sum(w for _, w in valued),
            "weights_squared": sum(w**2 for _, w in valued),
            "weighted_total": sum(w * v for v, w in valued),
            "weighted_squares": sum(w * v**2 for v, w in valued),
            "fact_weights": sum(w for _, w in facts),
            "fact_weights_squared": sum(w**2 for _, w in facts),
            "fact_weighted_total": sum(w * f for f, w in facts),
            "fact_weighted_answers": sum(w for f, w in facts if f > 0),
        }.items():
            assert (row[column] or 0) == pytest.approx(right), column
        assert row["last_scored_at"] == max(at for a in mine for at in a["at"])


def test_quality_over_time(scored: Scored) -> None:
    """The named tasks alone."""
    found = rows(scored.con, "quality_over_time", since=SINCE, until=UNTIL, names=["draft"])
    groups = scored.groups("task", "week", "evidence", "series", name="quality", task="draft")
    groups = {key: [a["value"] for a in mine if a["value"] is not None] for key, mine in groups.items()}

    assert {(r["task"], r["week"], r["evidence"], r["series"]): (r["n"], r["total"], r["squares"]) for r in found} == {
        key: (len(v), pytest.approx(sum(v)), pytest.approx(sum(x**2 for x in v))) for key, v in groups.items() if v
    }


def is_of_people(answer: Row) -> bool:
    """A label or a review."""
    return answer["evidence"] in ("label", "review")


def mean_of_people(scored: Scored) -> dict[int, float]:
    """Call -> what people say of its quality: the mean over the rungs that have a value."""
    found: dict[int, list[float]] = {}
    for answer in scored.answers:
        is_asked = is_of_people(answer) and answer["name"] == "quality" and answer["value"] is not None
        if is_asked and SINCE <= answer["started_at"] < UNTIL:
            found.setdefault(answer["call"], []).append(answer["value"])
    return {number: sum(values) / len(values) for number, values in found.items()}


def test_what_people_say_of_what_a_judge_scored(scored: Scored) -> None:
    """By task, series and third of the judge's score."""
    people = mean_of_people(scored)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for (task, series), mine in scored.groups("task", "series", evidence="judge", name="quality").items():
        for answer in mine:
            if (value := answer["value"]) is not None:
                third = "low" if value < 0.5 else "middle" if value < 0.85 else "high"
                groups.setdefault((task, series, third), []).append(answer["call"])

    found = rows(scored.con, "judge_audits", since=SINCE, until=UNTIL)

    assert {(row["task"], row["series"], row["stratum"]) for row in found} == set(groups)
    for row in found:
        numbers = groups[row["task"], row["series"], row["stratum"]]
        said = [people[number] for number in numbers if number in people]
        assert (row["n"], row["audits"]) == (len(numbers), len(said))
        assert (row["total"], row["squares"]) == (pytest.approx(sum(said)), pytest.approx(sum(v**2 for v in said)))
        assert row["is_binary"] == (all(v in (0, 1) for v in said) if said else None)


@pytest.mark.parametrize(("rung", "series"), [("label", ""), ("judge", "r1 x"), ("judge", "r2 x")])
def test_what_could_change_day_by_day(scored: Scored, rung: str, series: str) -> None:
    """Calls of the asked task of every value and day, and how many of them have a score of the rung."""
    found = rows(
        scored.con, "task_changes", since=SINCE, until=UNTIL, tasks=["draft"], evidences=[rung], series=[series]
    )
    answers = {a["call"]: a["value"] for a in scored.answers
               if (a["evidence"], a["name"], a["series"]) == (rung, "quality", series)}  # fmt: skip
    days: dict[Any, list[float | None]] = {}
    for number, made in enumerate(scored.calls):
        if made["task"] == "draft" and SINCE <= made["started_at"] < UNTIL:
            days.setdefault(made["started_at"].date(), []).append(answers.get(number))

    assert {row["task"] for row in found} == {"draft"}
    for kind, value in (("response_model", "gpt-4o"), ("temperature", "not set"), ("tools", "none")):
        mine = {row["day"]: row for row in found if (row["kind"], row["value"]) == (kind, value)}
        assert set(mine) == set(days)
        for day, scores in days.items():
            known = [score for score in scores if score is not None]
            assert (mine[day]["calls"], mine[day]["scored"]) == (len(scores), len(known))
            assert mine[day]["total"] == pytest.approx(sum(known))
    assert sum(row["scored"] for row in found) > 0


def test_whose_answers_nobody_can_read(scored: Scored) -> None:
    """Every task of the period, for no content is kept."""
    found = rows(scored.con, "answers_missing", since=SINCE, until=UNTIL, task=None)
    one = rows(scored.con, "answers_missing", since=SINCE, until=UNTIL, task="sort")

    expected = {
        task: sum(made["task"] == task and SINCE <= made["started_at"] < UNTIL for made in scored.calls)
        for task in ("draft", "sort")
    }
    assert {row["task"]: row["answers"] for row in found} == expected
    assert {row["task"]: row["answers"] for row in one} == {"sort": expected["sort"]}
