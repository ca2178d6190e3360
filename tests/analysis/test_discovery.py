"""Task discovery: what makes two prompts one task, what does not, and how often it is right on known truth."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from llmwatch.analysis.discovery import PromptRecord, discover
from tests.simulations.discovery import measured
from tests.simulations.phrases import user_text
from tests.simulations.prompts import records, tasks

HEADER = "You are a clerk of the city of Bremen who answers letters of citizens with care and in plain words. "
PARKING = (
    "Decide whether the parking fine stands, quote the paragraph of the bylaw and name the deadline for an appeal."
)
MARRIAGE = "List the papers that a couple still has to bring before the registry office can set a date for the wedding."


def asked(texts: Sequence[str], start: int = 0, **fields: object) -> list[PromptRecord]:
    """One record per system text, each with another question."""
    rng = random.Random(start)
    values: dict[str, object] = {"call_site": "app:ask", "tool_names": (), "response_format": None, **fields}
    return [
        PromptRecord(f"{start + n:06}", messages=[("system", text), ("user", user_text(rng, 2))], **values)  # pyright: ignore
        for n, text in enumerate(texts)
    ]


def groups(rows: Sequence[PromptRecord]) -> list[int]:
    """Sizes of the tasks found, without the rest."""
    found = list(discover(rows).values())
    return sorted((found.count(task) for task in set(found) if not task.endswith("/other")), reverse=True)


def test_prompts_behind_one_header_are_two_tasks() -> None:
    """One call site, two instructions."""
    assert groups(asked([HEADER + PARKING] * 20 + [HEADER + MARRIAGE] * 12)) == [20, 12]


def test_numbers_dates_and_ids_in_a_prompt_make_no_new_task() -> None:
    """A ticket number and a date in front of the text."""
    texts = [f"Ticket {n * 7919} of 2026-11-{n % 28 + 1:02}, id 4f{n:06x}: {PARKING}" for n in range(30)]

    assert groups(asked(texts)) == [30]


def test_an_edit_keeps_the_task() -> None:
    """A sentence more, from the tenth call on."""
    assert groups(asked([HEADER + PARKING] * 10 + [f"{HEADER}{PARKING} Sign as the mayor."] * 10)) == [20]


def test_ten_short_tasks_behind_one_long_header_are_ten() -> None:
    """A system prompt for all, five times as long as what each asks in front of the user's text."""
    rng = random.Random(7)
    header = " ".join(user_text(rng, 12).split()[:150])
    asks = [" ".join("".join(rng.choices("aeilnorst", k=5)) for _ in range(28)) for _ in range(10)]
    rows = [
        PromptRecord(f"{n:03}", "app:ask", (), None, [("system", header), ("user", f"{ask}\n{user_text(rng, 3)}")])
        for n, ask in enumerate(ask for ask in asks for _ in range(12))
    ]

    assert groups(rows) == [12] * 10


def test_ten_wordings_of_one_sentence_of_a_long_prompt_are_one_task() -> None:
    """Few words change, and each wording stays for twelve calls."""
    rng = random.Random(8)
    header = " ".join(user_text(rng, 12).split()[:150])

    assert groups(asked([f"{header} {user_text(rng, 4)[:60]}" for _ in range(10)] * 12)) == [120]


def test_examples_drawn_from_a_pool_split_nothing() -> None:
    """Two of six examples in each call."""
    rng = random.Random(3)
    pool = [user_text(rng, 3) for _ in range(6)]

    assert groups(asked([f"{HEADER}{PARKING} {' '.join(rng.sample(pool, 2))}" for _ in range(90)])) == [90]


def test_one_prompt_with_other_tools_or_another_schema_is_another_task() -> None:
    """The order of the tools is nothing; a tool that some calls lack is optional."""
    same = [HEADER + PARKING] * 9
    rows = [
        *asked(same, 0, tool_names=("a", "b")),
        *asked(same, 100, tool_names=("b", "a")),
        *asked(same, 200, tool_names=("a",)),
        *asked(same, 300, tool_names=("c", "d")),
        *asked(same, 400, response_format="Fine"),
    ]

    assert groups(rows) == [27, 9, 9]


@pytest.mark.parametrize(("tools", "taken"), [(5, None), (60, 20), (12, 2)])
def test_a_list_of_tools_that_varies_splits_no_task(tools: int, taken: int | None) -> None:
    """Each tool optional, or some of many for each call: two prompts are two tasks."""
    rng = random.Random(tools)
    names = [f"tool_{number}" for number in range(tools)]
    rows = []
    for number in range(200):
        chosen = [n for n in names if rng.random() < 0.5] if taken is None else rng.sample(names, taken)
        rows += asked([HEADER + (PARKING, MARRIAGE)[number % 2]], number * 10, tool_names=tuple(chosen))

    assert groups(rows) == [100, 100]


def test_fewer_than_eight_calls_are_no_task() -> None:
    """They are their bucket's rest."""
    found = discover(asked([HEADER + PARKING] * 7))

    assert {task.partition("/")[2] for task in found.values()} == {"other"}


def test_a_call_site_whose_prompts_share_nothing_is_one_task() -> None:
    """Plain questions of users, sent as they are."""
    rng = random.Random(4)
    rows = [PromptRecord(str(n), "app:chat", (), None, [("user", user_text(rng, 1))]) for n in range(12)]

    assert groups(rows) == [12]


def test_calls_without_any_text_are_found_too() -> None:
    """Images only, say; nothing is raised and no call is lost."""
    rows = [PromptRecord(str(n), "app:see", (), None, []) for n in range(9)]

    assert groups(rows) == [9]
    assert discover([]) == {}


def test_messages_that_are_one_text_are_what_a_user_wrote() -> None:
    """As a prompt of a template is kept."""
    given = [
        {"id": n, "messages": [f"{PARKING} Case {n}.", [("user", f"{PARKING} Case {n}.")]][n % 2]} for n in range(20)
    ]

    assert len(set(discover(given).values())) == 1


def test_the_order_of_the_records_changes_nothing() -> None:
    """Ids included."""
    rows, _ = records(tasks(20, 5), 5, wrapped=0.5, limit=20)
    found = discover(rows)

    random.Random(1).shuffle(rows)

    assert discover(rows) == found


@pytest.mark.parametrize(("wrapped", "target"), [(0.2, 0.95), (1.0, 0.85)])
def test_true_tasks_are_found_with_and_without_call_sites(wrapped: float, target: float) -> None:
    """stats.md's targets on a corpus of 60 tasks with at most 40 calls each."""
    fit = measured(60, 11, wrapped, limit=40)

    assert fit.ari >= target
    assert fit.captured >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22, 23])
@pytest.mark.parametrize(("wrapped", "target"), [(0.2, 0.95), (1.0, 0.85)])
def test_true_tasks_of_a_whole_corpus_are_found(seed: int, wrapped: float, target: float) -> None:
    """119 tasks and more than 7,000 calls."""
    assert measured(119, seed, wrapped).ari >= target
