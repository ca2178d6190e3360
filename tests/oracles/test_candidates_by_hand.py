"""Which model may stand in for which, one need at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from llmwatch.analysis.candidates import Needs, pick_candidates
from llmwatch.analysis.counterfactual import Traffic
from llmwatch.prices.models import Model

DAY = date(2026, 11, 21)
OLD = Model("old", prices={"input": Decimal(10), "output": Decimal(40)})
NEW = Model(
    "new",
    input_modalities=frozenset({"text", "image", "audio"}),
    output_modalities=frozenset({"text", "audio"}),
    has_tools=True,
    has_structured_output=True,
    endpoints=frozenset({"/chat/completions"}),
    max_input_tokens=100_000,
    max_output_tokens=10_000,
    tiers=frozenset({"default"}),
    prices={"input": Decimal(1), "output": Decimal(4)},
)
NEEDS = Needs(
    input_modalities=frozenset({"text", "image", "audio"}),
    output_modalities=frozenset({"audio"}),
    has_tools=True,
    has_structured_output=True,
    endpoint="/chat/completions",
    max_input_tokens=100_000,
    max_output_tokens=10_000,
)
TRAFFIC = Traffic(calls=1000, input_tokens=1_000_000, output_tokens=100_000, cost_usd=Decimal(14))


def test_a_model_with_everything_that_is_needed_is_offered() -> None:
    """$10 and $4 become $1 and $0.40: $12.60 of $14."""
    picked = pick_candidates([OLD, NEW], "old", NEEDS, TRAFFIC, DAY)  # type: ignore[arg-type]

    assert [(c.model.name, c.naive_saving_usd) for c in picked.candidates] == [("new", Decimal("12.6"))]


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"input_modalities": frozenset({"text", "audio"})}, "image input"),
        ({"input_modalities": frozenset({"text", "image"})}, "audio input"),
        ({"output_modalities": frozenset({"text"})}, "audio output"),
        ({"has_tools": False}, "tools"),
        ({"has_structured_output": False}, "structured output"),
        ({"endpoints": frozenset({"/responses"})}, "the /chat/completions endpoint"),
        (
            {"input_modalities": frozenset({"text"}), "output_modalities": frozenset({"text"}), "has_tools": False},
            "audio input, image input, audio output, tools",
        ),
    ],
)
def test_everything_that_it_lacks_is_named(change: dict[str, object], lacking: str) -> None:
    """All of it, in order."""
    picked = pick_candidates([OLD, replace(NEW, **change)], "old", NEEDS, TRAFFIC, DAY)  # type: ignore[arg-type]

    [new] = [one for one in picked.excluded if one.model.name == "new"]
    assert (new.why, new.detail) == ("lacks", lacking)
