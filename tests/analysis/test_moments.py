"""Numbers, dates and times in prompts: one mark each, however they are written, and no word that is none."""

from __future__ import annotations

from itertools import combinations

import pytest

from llmwatch.analysis.discovery import PromptRecord, Shingler
from llmwatch.analysis.discovery.shingles import told, words_of
from llmwatch.analysis.prompt_versions import masked_text

# One day, as programs, people and other languages write it.
DATES = (
    "2026-11-03", "2026-11-03T10:00:00Z", "2026-11-03 10:00", "03/11/2026", "11/03/26", "3.11.2026", "3 Nov 2026",
    "Nov 3", "Nov 3, 2026", "Nov. 3rd, 2026", "November 3, 2026", "3rd of November 2026", "Tue, 03 Nov",
    "Tuesday, 3 November 2026", "Tue 03 Nov 2026 10:00 UTC", "10:00 PM", "3. November 2026", "3 de noviembre de 2026",
    "3 novembre 2026", "Dienstag, 3. November", "2026年11月3日", "1762164000", "May 3", "4 March 2026", "Friday",
)  # fmt: skip
# Words that are no date, and have to stay.
WORDS = (
    "You may stop.", "March on, and mar nothing.", "Sun and sat are no days here.", "Please may I? Of course.",
    "de nada, do it", "I am here", "mars is red",
)  # fmt: skip


@pytest.mark.parametrize("date", DATES)
def test_a_date_is_one_placeholder(date: str) -> None:
    """In the text of a version and among the words that are compared."""
    assert masked_text(f"Today is {date}; be brief.") == "Today is {…}; be brief."
    assert [word for word, _ in told(words_of("system", f"Today is {date}; be brief."))] == [
        "today", "is", "#", ";", "be", "brief", ".",
    ]  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
def test_a_word_that_is_no_date_stays(words: str) -> None:
    """Without a number beside it."""
    assert masked_text(words) == words


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Name at most 3. May I help?", "Name at most {…}. May I help?"),
        ("Step 3. March on.", "Step {…}. March on."),
        ("Use under 5, sat or unsat.", "Use under {…}, sat or unsat."),
        ("You have 2 sun loungers.", "You have {…} sun loungers."),
        ("Am 3. Dez 2026 um 10:00 pm.", "Am {…} um {…}."),
    ],
)
def test_a_word_behind_the_end_of_a_sentence_is_no_date(text: str, masked: str) -> None:
    """The number before it belongs to the sentence before."""
    assert masked_text(text) == masked


def test_numbers_that_stand_apart_stay_apart() -> None:
    """A count of something and the next sentence's are two."""
    assert masked_text("Page 3 of 12. Answer in 2 words; you may use 3 signs.") == (
        "Page {…} of {…}. Answer in {…} words; you may use {…} signs."
    )


def test_two_formats_of_a_date_are_one_prompt() -> None:
    """All numbers of the prompt are the same, whichever way the day is written."""
    shingler = Shingler()
    texts = [f"Today is {date}. Sort the mail into four folders." for date in DATES]
    numbers = [shingler.of(PromptRecord(text, "m:f", (), None, [("system", text)])).tolist() for text in texts]

    assert all(one == other for one, other in combinations(numbers, 2))
