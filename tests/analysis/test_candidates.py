"""Which models are offered, which are not and why, and what a swap truly costs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from openai.types.shared import chat_model

from llmwatch.analysis.candidates import Needs, Picked, pick_candidates
from llmwatch.analysis.counterfactual import Measured, Traffic, true_cost
from llmwatch.prices import PriceBook
from llmwatch.prices.models import ImageTokens, Model, load_models, shutdown_on

DAY = date(2026, 11, 21)
OLD = Model(
    "old", ("old-2026-01-01",), prices={"input": Decimal(10), "cached_input": Decimal(5), "output": Decimal(40)}
)
NEW = Model(
    "new",
    input_modalities=frozenset({"text", "image"}),
    output_modalities=frozenset({"text"}),
    has_tools=True,
    has_structured_output=True,
    max_input_tokens=100_000,
    max_output_tokens=10_000,
    tiers=frozenset({"default"}),
    prices={"input": Decimal(1), "cached_input": Decimal("0.1"), "output": Decimal(4)},
)
TEXT = Traffic(calls=1000, input_tokens=1_000_000, output_tokens=100_000, cost_usd=Decimal(14))
NEEDS = Needs(has_tools=True, has_structured_output=True, max_input_tokens=50_000, max_output_tokens=1_000)


@pytest.fixture(scope="module")
def catalogue() -> list[Model]:
    """The shipped catalogue at the prices of the day."""
    return load_models(PriceBook(), DAY)


def _named(models: list[Model], name: str) -> Model:
    return next(m for m in models if m.name == name)


def _pick(*models: Model, needs: Needs = NEEDS, traffic: Traffic = TEXT, **options: int) -> Picked:
    return pick_candidates([OLD, *models], "old-2026-01-01", needs, traffic, DAY, **options)  # type: ignore[arg-type]


def test_the_task_s_own_model_is_no_candidate_under_any_of_its_names() -> None:
    """A snapshot's name is the model."""
    picked = _pick(NEW)

    assert [c.model.name for c in picked.candidates] == ["new"]
    assert [(e.model.name, e.why) for e in picked.excluded] == [("old", "same")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"input_modalities": frozenset({"text"})}, "lacks"),
        ({"has_tools": False}, "lacks"),
        ({"has_structured_output": False}, "lacks"),
        ({"max_input_tokens": 49_999}, "too_small"),
        ({"max_output_tokens": 999}, "too_small"),
        ({"tiers": frozenset({"flex"})}, "no_tier"),
        ({"prices": {}}, "unpriced"),
        ({"prices": {"input": Decimal(20), "output": Decimal(80)}}, "not_cheaper"),
        ({"released_on": DAY + timedelta(days=1)}, "unreleased"),
        ({"shutdown_on": DAY}, "dead"),
        ({"shutdown_on": DAY + timedelta(days=179)}, "dies"),
    ],
)
def test_a_model_that_cannot_take_the_task_is_excluded_with_the_reason(change: dict[str, object], why: str) -> None:
    """Each need, and each date, excludes by itself."""
    needs = replace(NEEDS, input_modalities=frozenset({"text", "image"}))
    picked = _pick(replace(NEW, **change), needs=needs)  # type: ignore[arg-type]

    assert not picked.candidates
    assert next(e for e in picked.excluded if e.model.name == "new").why == why


def test_a_model_that_outlives_the_payback_is_offered() -> None:
    """180 days to the day is enough; the horizon can be set."""
    dying = replace(NEW, shutdown_on=DAY + timedelta(days=180))

    assert _pick(dying).candidates
    assert not _pick(dying, payback_days=181).candidates


def test_an_unknown_ability_neither_excludes_nor_stays_silent() -> None:
    """The candidate says what nobody knows of it."""
    (candidate,) = _pick(replace(NEW, has_tools=None, max_input_tokens=None)).candidates

    assert set(candidate.unknown) >= {"tools", "input"}


def test_without_a_price_of_any_call_nothing_is_said_to_cost_nothing() -> None:
    """There is nothing to compare with: no candidate, and no bill of 0."""
    picked = pick_candidates([OLD, NEW], "old", NEEDS, (), DAY)

    assert not picked.candidates
    assert [(e.model.name, e.why, e.cost) for e in picked.excluded] == [
        ("old", "same", None),
        ("new", "unbilled", None),
    ]


def test_candidates_are_ranked_by_margin_gained_not_by_list_price() -> None:
    """A model that is cheaper by the token but counts double comes after."""
    chatty = replace(NEW, name="chatty", prices={"input": Decimal("0.9"), "output": Decimal("3.9")})
    picked = pick_candidates(
        [OLD, chatty, NEW], "old", NEEDS, TEXT, DAY, measured={"chatty": Measured(input_ratio=1.0, output_ratio=3.0)}
    )

    assert [c.model.name for c in picked.candidates] == ["new", "chatty"]
    assert picked.candidates[1].naive_saving_usd > picked.candidates[0].naive_saving_usd


def test_images_turn_a_saving_of_94_percent_into_a_loss_of_43(catalogue: list[Model]) -> None:
    """One 1024 x 1024 image, 200 text tokens in, 30 out: 765 image tokens on gpt-4o are 25,501 on gpt-4o-mini."""
    old, new = _named(catalogue, "gpt-4o"), _named(catalogue, "gpt-4o-mini")
    traffic = Traffic(1, 965, 30, Decimal("0.0027125"), images=1, image_tiles=4)
    cost = true_cost(traffic, old, new, Measured())

    assert cost.true_usd == Decimal("0.00387315")
    assert round(cost.naive_usd / traffic.cost_usd - 1, 2) == Decimal("-0.94")
    assert round(cost.true_usd / traffic.cost_usd - 1, 3) == Decimal("0.428")
    assert [part.cause for part in cost.parts] == ["image_tokens"]


def test_image_tokens_that_nobody_published_leave_the_cost_unknown() -> None:
    """Unknown, never the incumbent's count; a measured input ratio makes it known."""
    with_images = replace(TEXT, images=10, image_tiles=40)
    old = replace(OLD, image_tokens=ImageTokens(85, 170))

    assert true_cost(with_images, old, NEW, Measured()).true_usd is None
    assert true_cost(with_images, old, NEW, Measured(input_ratio=1.5)).true_usd == Decimal("1.9")


def test_a_search_on_a_small_model_bills_its_block(catalogue: list[Model]) -> None:
    """8,000 input tokens for every search on gpt-4o-mini, beside the fee."""
    old, new = _named(catalogue, "gpt-4o"), _named(catalogue, "gpt-4o-mini")
    cost = true_cost(replace(TEXT, web_searches=100), old, new, Measured())

    assert {p.cause: p.usd for p in cost.parts}["search_tokens"] == 100 * 8_000 * Decimal("0.15") / 1_000_000


def test_the_first_day_has_a_cold_cache_and_writes_it(catalogue: list[Model]) -> None:
    """On gpt-6-luna the incumbent's cached tokens are fresh, and fresh tokens are written at 1.25 times."""
    traffic = replace(TEXT, cached_input_tokens=400_000)
    cost = true_cost(traffic, _named(catalogue, "gpt-4o"), _named(catalogue, "gpt-6-luna"), Measured())
    parts = {p.cause: p.usd for p in cost.parts}

    assert parts["cold_cache"] == 400_000 * (Decimal("0.10") - Decimal("0.01")) / 1_000_000
    assert parts["cache_writes"] == 1_000_000 * Decimal("0.025") / 1_000_000


def test_naive_and_parts_add_up_to_true() -> None:
    """To the last digit, with every correction at work."""
    new = replace(NEW, prices={**NEW.prices, "cache_write": Decimal("1.25")}, image_tokens=ImageTokens(100, 300))
    old = replace(OLD, image_tokens=ImageTokens(85, 170))
    traffic = replace(TEXT, cached_input_tokens=300_000, images=50, image_tiles=200)
    cost = true_cost(traffic, old, new, Measured(output_ratio=1.37, cached_share=0.2, written_share=0.5, attempts=1.03))

    assert cost.true_usd == cost.naive_usd + sum(p.usd for p in cost.parts)
    assert {p.cause for p in cost.parts} == {"image_tokens", "cold_cache", "cache_writes", "output_tokens", "retries"}


def test_the_models_of_january_are_no_candidates_in_november(catalogue: list[Model]) -> None:
    """gpt-4o-mini has 54 days left; its date is in the answer."""
    picked = pick_candidates(catalogue, "gpt-4o-2024-08-06", Needs(), TEXT, DAY)
    mini = next(e for e in picked.excluded if e.model.name == "gpt-4o-mini")

    assert (mini.why, mini.on, mini.detail) == ("dies", date(2027, 1, 14), "54 days left")
    assert picked.candidates[0].model.name == "gpt-6-luna"
    assert all(c.model.shutdown_on is None for c in picked.candidates)


def test_a_fine_tuned_model_dies_with_its_base() -> None:
    """The base's name stands in the second field."""
    assert shutdown_on("ft:gpt-4o-mini-2024-07-18:acme::abc") == date(2027, 1, 14)
    assert shutdown_on("gpt-6-luna") is None


def test_every_row_of_the_catalogue_says_where_it_is_from(catalogue: list[Model]) -> None:
    """Source and day; names are not listed twice; every model has a price of its own on the day."""
    names = [name for m in catalogue for name in (m.name, *m.snapshots)]

    assert len(names) == len(set(names))
    assert all(m.source and m.checked_on and "input" in m.prices for m in catalogue)


def test_shutdown_dates_are_those_the_sdk_announces() -> None:
    """Every chat model with a date in the installed SDK's own words has that date here."""
    announced = _announced()

    assert len(announced) > 40
    assert {name: shutdown_on(name) for name in announced} == announced


def _announced() -> dict[str, date]:
    """Name to date, from the note below `ChatModel`."""
    note = Path(chat_model.__file__).read_text("utf-8").partition("Deprecated values:")[2]
    entries = " ".join(note.split()).split('- "')
    found = [(re.search(r"shutdown date: (\d{4}-\d\d-\d\d)", e), re.findall(r'[\w.\-]+(?=")', e)) for e in entries]
    return {name: date.fromisoformat(m[1]) for m, names in found if m for name in names}
