"""A kind of inputs is read by people: what is not known of it is said in words."""

import pytest

from llmwatch.analysis.stratum import stratum_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ja · 1-8k · tools", "ja · 1-8k · tools"),
        ("? · <1k", "unknown language · <1k"),
        ("en · ? · media", "en · unknown length · media"),
        ("", "inputs of no stratum"),
    ],
)
def test_what_is_not_known_of_a_stratum_is_said(name: str, words: str) -> None:
    """A question mark says nothing to who reads it."""
    assert stratum_words(name) == words
