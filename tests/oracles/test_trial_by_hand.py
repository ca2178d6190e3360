"""What replays say of the candidate's tokens and answers, from a handful of them."""

from __future__ import annotations

import pytest

from llmwatch.analysis.counterfactual import Measured
from llmwatch.analysis.replayed import Pair
from llmwatch.analysis.trial import Counts, Trial, measured


def trial(*counts: Counts) -> Trial:
    """The replays of a task."""
    return Trial("new", tuple(Pair(str(n)) for n, _ in enumerate(counts)), counts)


def test_the_candidates_tokens_are_shares_of_the_incumbents() -> None:
    """300 + 100 in become 330 + 130, 20 + 20 out become 30 + 70, half of that thought."""
    found = measured(trial(Counts(300, 20, 330, 30, 10), Counts(100, 20, 130, 70, 40)))

    assert found.input_ratio == pytest.approx(460 / 400)
    assert found.output_ratio == pytest.approx(100 / 40)
    assert found.reasoning_share == pytest.approx(0.5)


def test_only_answers_whose_tokens_are_known_on_both_sides_are_compared() -> None:
    """Refused requests and unknown counts say nothing of the ratios."""
    unknown = [Counts(None, 5, 5, 5), Counts(5, None, 5, 5), Counts(5, 5, None, 5), Counts(5, 5, 5, None)]
    refused = Counts(100, 10, 900, 900, is_answered=False)

    found = measured(trial(Counts(100, 10, 120, 15), *unknown, refused))

    assert (found.input_ratio, found.output_ratio) == (1.2, 1.5)


@pytest.mark.parametrize("counts", [(), (Counts(0, 10, 5, 5),), (Counts(10, 0, 5, 5),), (Counts(None, 1, 1, 1),)])
def test_without_a_known_answer_of_the_incumbent_nothing_is_measured(counts: tuple[Counts, ...]) -> None:
    """No ratio, and no division by nothing."""
    found = measured(trial(*counts))

    assert (found.input_ratio, found.output_ratio) == (None, None)
    assert measured(None) == Measured()


def test_a_candidate_that_says_nothing_has_no_share_of_thought() -> None:
    """Its output is 0 of the incumbent's, and more thought than output is all of it."""
    assert measured(trial(Counts(100, 10, 100, 0, 0))).reasoning_share == 0
    assert measured(trial(Counts(100, 10, 100, 0, 0))).output_ratio == 0
    assert measured(trial(Counts(100, 10, 100, 20, 30))).reasoning_share == 1
