"""Prompt versions: an edit is one, a ticket number in front is none, and an id outlives the texts it was made from."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from llmwatch.analysis.prompt_diff import prompt_diff
from llmwatch.analysis.prompt_versions import LEAST_CALLS, StaticText, prompt_versions

START = datetime(2026, 11, 1)  # noqa: DTZ001 - stored times are UTC without a zone
NAMES = ("Maria Lopez", "Jonas Weber", "Aiko Tanaka", "Li Wei", "Fatima Haddad", "Paul Okafor", "Ingrid Nilsen")
COMPANIES = ("Acme GmbH", "Nordwind AG", "Blue Harbour Ltd", "Sunrise Foods", "Vertex Labs")
FIRST = "Be brief and polite, never promise a refund to anybody.\nAnswer in English."
SECOND = "Be brief and polite, never promise a refund to anybody.\nAnswer in three short sentences and in English."


def text(number: int, words: str | None, calls: int = 1, version: str | None = None) -> StaticText:
    """A static text of one day."""
    day = START + timedelta(days=number)
    return StaticText(f"{number:016x}", calls, day, day, words, version)


def test_texts_that_differ_by_numbers_are_one_version_with_placeholders() -> None:
    """A ticket number and a date in front."""
    found = prompt_versions([text(n, f"Ticket {n * 77} of 2026-11-{n + 1:02}. {FIRST}") for n in range(9)], {})

    assert [(v.number, v.calls, v.text) for v in found] == [(1, 9, f"Ticket {{…}} of {{…}}. {FIRST}")]


def test_an_edit_is_a_new_version_with_its_date() -> None:
    """The words of the edit can be shown."""
    found = prompt_versions([text(0, FIRST, 50), text(9, SECOND, 2)], {})

    assert [(v.number, v.first_seen_at) for v in found] == [(1, START), (2, START + timedelta(days=9))]
    changed = prompt_diff(found[0].text or "", found[1].text or "")
    assert changed == ["~ Answer{+ in three short sentences and+} in English."]


def test_an_edit_of_a_prompt_that_is_filled_in_for_each_call_is_found() -> None:
    """Every text is another one: names and companies change with each call."""
    rng = random.Random(1)
    texts = [
        text(
            n, f"You help {rng.choice(NAMES)} of {rng.choice(COMPANIES)} with an invoice. {FIRST if n < 40 else SECOND}"
        )
        for n in range(65)
    ]

    found = prompt_versions(texts, {})

    assert [(v.number, v.calls) for v in found] == [(1, 40), (2, 25)]
    assert found[1].first_seen_at == START + timedelta(days=40)
    assert all(name not in (v.text or "") for v in found for name in NAMES)


def test_a_text_that_was_never_kept_is_a_version_once_it_has_enough_calls() -> None:
    """Below that it is unknown."""
    found = prompt_versions([text(0, None, LEAST_CALLS), text(1, None, LEAST_CALLS - 1)], {})

    assert [(v.text, v.calls) for v in found] == [(None, LEAST_CALLS)]


def test_a_version_keeps_its_id_and_text_when_the_content_is_gone() -> None:
    """Content is kept for days, versions for good; a further ticket joins its version."""
    before = prompt_versions([text(n, f"Ticket {n}. {FIRST}") for n in range(5)], {})[0]
    kept = {before.prompt_version: before.text or ""}
    later = [text(n, None, 1, before.prompt_version) for n in range(5)]

    found = prompt_versions([*later, text(7, f"Ticket 7. {FIRST}")], kept)

    assert [(v.prompt_version, v.text, v.calls) for v in found] == [(before.prompt_version, before.text, 6)]


def test_a_diff_is_short_whatever_was_changed() -> None:
    """Equal texts have none; a new prompt is cut."""
    assert prompt_diff(FIRST, FIRST) == []
    long = prompt_diff("\n".join(f"old rule {n}" for n in range(50)), "\n".join(f"other words {n}" for n in range(50)))
    assert len(long) == 20
    assert long[-1].startswith("… and ")
