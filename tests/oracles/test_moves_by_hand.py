"""What a move to another model costs and rests on, from a few numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf, log
from types import SimpleNamespace
from typing import Any

import pytest

from llmwatch.analysis.counterfactual import Measured, Slice, Traffic, naive_bill, task_cost, true_cost
from llmwatch.analysis.guards import Exclusion
from llmwatch.analysis.option import Option, guarded
from llmwatch.analysis.paired import Evidence, log_evidence
from llmwatch.analysis.replayed import Pair
from llmwatch.analysis.spend import Period
from llmwatch.analysis.trial import Counts
from llmwatch.figures.downgrade import months_of
from llmwatch.prices.models import Model
from tests.stores import MOMENT

from .test_reports_by_hand import option
from .test_trial_by_hand import trial
from .test_words_by_hand import verdict

PRICES = {"input": Decimal(1), "output": Decimal(4), "cached_input": Decimal("0.5"), "cache_write": Decimal(2)}
NEW = Model("new", prices=PRICES)
OLD = Model("old", prices={"input": Decimal(10), "output": Decimal(40)})
# A million tokens in, of which 400,000 were read from the cache, and 100,000 out.
TRAFFIC = Traffic(10, 1_000_000, 100_000, Decimal(14), cached_input_tokens=400_000)


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ({"input": 1, "output": 4}, 1.4),
        ({"input": 1, "output": 4, "cached_input": "0.5"}, 1.2),
        ({"output": 4}, inf), ({"input": 1}, inf), ({}, inf),
    ],
)  # fmt: skip
def test_a_bill_needs_a_price_of_both_sides(prices: dict[str, Any], expected: float) -> None:
    """600,000 fresh at $1 and 400,000 read at $1 or $0.50, 100,000 out at $4; a slice's own prices come first."""
    model = Model("new", prices={kind: Decimal(rate) for kind, rate in prices.items()})

    assert naive_bill([Slice(TRAFFIC, {})], model) == expected
    assert naive_bill([Slice(TRAFFIC, {"new": model})], NEW) == expected
    cost = task_cost([Slice(TRAFFIC, {"new": model})], OLD, NEW, Measured())
    assert (cost is None) is (expected == inf)


@pytest.mark.parametrize(
    ("measured", "read", "written"),
    [
        # nothing measured: a cold cache, all is written; measured shares of all input; no more written than is fresh
        (Measured(), 0, 1_000_000),
        (Measured(cached_share=0.3, written_share=0.5), 300_000, 500_000),
        (Measured(cached_share=0.3, written_share=0.9), 300_000, 700_000),
        (Measured(cached_share=0.3, written_share=0.0), 300_000, 0),
        (Measured(cached_share=0.3), 300_000, 700_000),
    ],
)
def test_what_is_read_and_written_is_a_share_of_the_input(measured: Measured, read: int, written: int) -> None:
    """Fresh at $1, read at $0.50, written at $2 a million, and $0.40 of output."""
    fresh = 1_000_000 - read - written

    found = true_cost(TRAFFIC, OLD, NEW, measured).true_usd

    assert found == (fresh + read * Decimal("0.5") + written * 2) / 1_000_000 + Decimal("0.4")


@pytest.mark.parametrize(
    ("is_long", "long_above", "expected"),
    [(True, 272_000, "2.6"), (True, None, "1.4"), (False, 272_000, "1.4"), (False, None, "1.4")],
)
def test_long_requests_cost_more_where_the_model_says_so(is_long: bool, long_above: int | None, expected: str) -> None:
    """A million in at $1, above the threshold $2, and 100,000 out at $4 or $6; a cold cache."""
    rates = {"input": 1, "output": 4, "long_input": 2, "long_output": 6}
    model = Model("new", prices={kind: Decimal(rate) for kind, rate in rates.items()}, long_above=long_above)

    found = true_cost(replace(TRAFFIC, is_long=is_long), OLD, model, Measured(output_ratio=1.0))

    assert found.true_usd == Decimal(expected)


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        ((), ("always",)), (("tools",), ("always", "no tools")), (("sampling",), ("always", "no sampling")),
        (("tools", "sampling"), ("always", "no tools", "no sampling")), (("images",), ("always",)),
    ],
)  # fmt: skip
def test_a_move_minds_what_its_requests_carry(carried: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """What holds always, and what holds of something that is sent."""
    model = Model("new", rules=(("", "always"), ("tools", "no tools"), ("sampling", "no sampling")))

    assert model.conditions_for(frozenset(carried)) == expected


@pytest.mark.parametrize(
    ("answered", "expected"), [([], 0), ([True], 0), ([True, False, True, False], 0.5), ([False], 1)]
)
def test_what_the_candidate_refused_falls_back(answered: list[bool], expected: float) -> None:
    """A share of the inputs; of none, none."""
    assert trial(*(Counts(1, 1, 1, 1, is_answered=one) for one in answered)).fallback_share == expected


@pytest.mark.parametrize("differences", [[], [0.0], [-1.0] * 5, [0.0] * 30 + [-1.0] * 9, [1.0, 0.0, -1.0, 0.5] * 20])
def test_the_highest_evidence_is_that_of_the_whole_path(differences: list[float]) -> None:
    """None before the first replay: E is 1."""
    one_by_one = Evidence(0.03)
    for difference in differences:
        one_by_one.take(difference)

    whole = log_evidence([differences], 0.03)[0] if differences else []
    assert one_by_one.highest == pytest.approx(max([0.0, *whole]))


@pytest.mark.parametrize(
    ("evidence", "replays"), [(100.0, 200), (100.0, 500), (150.0, 200), (209.0, 200), (25.0, 150), (20.5, 900)]
)
def test_among_many_swaps_a_move_needs_the_evidence_of_all(evidence: float, replays: int) -> None:
    """One move of 21 swaps: E must be 21 / 0.1 = 210. At its pace that many more replays reach it, and one less not."""
    move = option(verdict=verdict(kind="move", reason="proved", replays=replays, log_evidence=log(evidence)))
    others: list[Option] = [option(verdict=verdict()) for _ in range(20)]

    found = guarded([move, *others])[0].verdict

    def after(more: int) -> float:
        return evidence ** ((replays + more) / replays)

    assert (found.kind, found.reason) == ("promising", "many")
    assert found.decider is not None
    more = next(more for more in range(2000) if after(more) >= 210)
    assert found.decider.count == (more if replays + more <= 1600 else 0)
    assert guarded([move, *others[1:]])[0].verdict.is_move


@pytest.mark.parametrize(
    ("first", "asked_days", "days"), [(None, 30, 30), (60, 30, 30), (30, 30, 30), (10, 30, 10), (0.25, 30, 1)]
)
def test_a_month_is_of_the_days_with_calls(first: float | None, asked_days: int, days: int) -> None:
    """From the store's first call where that is later, and a day at least; 30.4375 days are a month."""
    seen: datetime | None = None if first is None else MOMENT - timedelta(days=first)
    reading: Any = SimpleNamespace(rows=lambda _: [{"first_call_at": seen}])

    assert months_of(reading, Period(MOMENT - timedelta(days=asked_days), MOMENT)) == days / Decimal("30.4375")


@pytest.mark.parametrize(
    ("exclusion", "stratum", "tokens", "holds"),
    [
        (Exclusion("de", "loses", 80), "de", 100, True),
        (Exclusion("de", "loses", 80), "en", 60_000, False),
        (Exclusion("inputs above 50,000 tokens", "untested", 5), "de", 50_001, True),
        (Exclusion("inputs above 50,000 tokens", "untested", 5), "de", 50_000, False),
    ],
)
def test_what_stays_is_of_the_kind_that_loses_or_longer_than_was_tested(
    exclusion: Exclusion, stratum: str, tokens: int, holds: bool
) -> None:
    """A kind of inputs by its name, untested length by the tokens."""
    assert exclusion.holds(Pair("p", stratum, input_tokens=tokens)) is holds
