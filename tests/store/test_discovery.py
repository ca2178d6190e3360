"""Discovery in the store: sampled prompts rename untagged calls, and names, versions and edits hold afterwards."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from pathlib import Path
from typing import Any

from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.queries import rows as query_rows
from llmwatch.store.refit import LEAST_UNREAD
from llmwatch.store.task_edits import carried_over, load_edits
from tests.simulations.phrases import user_text

from .records import STARTED_US, call, merged, query, spool

HEADER = "You are a clerk of the city of Bremen who answers letters of citizens with care. "
PARKING = HEADER + "Decide whether the parking fine stands, quote the bylaw and name the deadline for an appeal."
MARRIAGE = HEADER + "List the papers that a couple still has to bring before the registry can set a wedding date."
DAY_US = 86_400_000_000


def digest(text: str) -> str:
    """16 hex digits."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:16]


def asked(text: str, count: int, *, kept: bool = True, day: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Untagged calls with one static text, as capture writes them."""
    rng = random.Random(f"{text}{day}")
    site = fields.get("call_site", "app:complete")
    values: dict[str, Any] = {
        "call_site": site, "task_key": digest(f"{site}{text[:80]}"),
        "prompt_hash": digest(text), "prompt_head": text[:80],
    }  # fmt: skip
    made: list[dict[str, Any]] = []
    for number in range(count):
        messages = [{"role": "system", "content": text}, {"role": "user", "content": user_text(rng, 2)}]
        content = {"input_messages": json.dumps(messages)} if kept else {}
        started = STARTED_US + day * DAY_US + number * 1_000_000
        made.append(call(started_us=started, **{**values, **content, **fields}))
    return made


def counts(opened: Store) -> dict[str, int]:
    """Today's name -> calls."""
    return dict(query(opened, "select task_name, count(*) from calls group by task_name order by task_name"))


def test_two_prompts_with_one_head_become_two_tasks_and_calls_without_content_follow(tmp_path: Path) -> None:
    """Eighty characters are the same, what follows is not."""
    assert PARKING[:80] == MARRIAGE[:80]
    opened = merged(
        tmp_path,
        *asked(PARKING, 30),
        *asked(MARRIAGE, 20),
        *asked(PARKING, 7, kept=False),
        *asked(MARRIAGE, 5, kept=False),
    )

    assert sorted(counts(opened).values()) == [25, 37]
    spool(tmp_path, *asked(MARRIAGE, 4, kept=False, day=1))
    opened.merge()
    assert sorted(counts(opened).values()) == [29, 37]


def test_nothing_is_read_before_enough_prompts_are_new(tmp_path: Path) -> None:
    """One name until then, and never none."""
    opened = merged(tmp_path, *asked(PARKING, 15), *asked(MARRIAGE, LEAST_UNREAD - 16))
    assert counts(opened) == {"complete": LEAST_UNREAD - 1}

    spool(tmp_path, *asked(MARRIAGE, 1, day=1))
    opened.merge()

    assert sorted(counts(opened).values()) == [15, LEAST_UNREAD - 15]
    assert query(opened, "select count(*) from calls where task_name is null or task_origin is null") == [(0,)]


def test_names_outlive_refits(tmp_path: Path) -> None:
    """Three refits; the larger task keeps the first name, the other the one it was given."""
    opened = merged(tmp_path, *asked(PARKING, 30), *asked(MARRIAGE, 20))
    first = set(counts(opened))
    assert first == {"complete", "complete / list papers"}

    for day in range(1, 4):
        spool(tmp_path, *asked(PARKING, 30, day=day), *asked(MARRIAGE, 40, day=day))
        opened.merge()
        assert set(counts(opened)) == first


def test_prompts_filled_in_for_each_call_are_one_task(tmp_path: Path) -> None:
    """Every call has a key of its own; before the refit they were nine names."""
    texts = [f"{name} asks: {PARKING}" for name in ("Anna", "Ben", "Cleo", "Dora", "Emil", "Finn", "Greta", "Hans")]
    calls = [c for n in range(6) for text in texts for c in asked(f"{text.split()[0]}x{'y' * n} {text}", 1)]

    opened = merged(tmp_path, *calls)

    assert len(counts(opened)) == 1


def test_prompt_versions_have_numbers_dates_and_texts_for_tagged_tasks_too(tmp_path: Path) -> None:
    """An edit on the third day; a hash that is in no version is not listed."""
    tag = {"task": "fines", "task_source": "tag"}
    opened = merged(
        tmp_path,
        *asked(PARKING, 20, kept=False, **tag), *asked(PARKING, 1, **tag),
        *asked(f"{PARKING} Be brief.", 3, day=2, **tag), *asked("unseen", 2, kept=False, **tag),
    )  # fmt: skip

    with opened.read() as con:
        found = query_rows(con, "prompt_versions")
    assert [(r["task"], r["number"], r["calls"], r["text"]) for r in found] == [
        ("fines", 1, 21, PARKING), ("fines", 2, 3, f"{PARKING} Be brief."),
    ]  # fmt: skip
    assert (found[1]["first_seen_at"] - found[0]["first_seen_at"]).days == 2
    assert query(opened, "select count(*) from prompts") == [(2,)]


def test_versions_keep_their_texts_when_the_content_is_gone(tmp_path: Path) -> None:
    """Content is deleted after days, and merging goes on."""
    opened = merged(tmp_path, *asked(PARKING, 3))
    before = query(opened, "select prompt_version, text from prompt_versions")
    with opened.changing() as con:
        con.execute("delete from content")

    spool(tmp_path, *asked(PARKING, 1, kept=False, day=1))
    opened.merge()

    assert query(opened, "select prompt_version, text from prompt_versions") == before


def test_a_reader_that_cannot_merge_sees_the_same_names(tmp_path: Path) -> None:
    """Pending calls go through the same steps, members included."""
    opened = merged(tmp_path, *asked(PARKING, 30), *asked(MARRIAGE, 20))
    spool(tmp_path, *asked(PARKING, 2, kept=False, day=1), *asked(MARRIAGE, 3, kept=False, day=1))

    pending = counts(opened)
    opened.merge()

    assert pending == counts(opened)
    assert sorted(pending.values()) == [23, 32]


def test_a_store_in_which_tools_made_tasks_keeps_what_was_said_of_them(tmp_path: Path) -> None:
    """A store of before, with 32 tasks of one prompt and five optional tools: one task, under the name it was given."""
    packed = Path(__file__).parent / "old" / "tools_in_the_bucket.duckdb.gz"
    (tmp_path / "store.duckdb").write_bytes(gzip.decompress(packed.read_bytes()))
    spool(tmp_path, *asked(PARKING, 3, kept=False, tool_names=["fetch", "new", "search"], task_key="f" * 16))

    opened = Store(Settings(home=tmp_path))
    opened.merge()

    # "complete / book" had been renamed to "fines" and "complete / fetch" pinned.
    assert counts(opened) == {"fines": 31 * 4 + 3, "complete / fetch": 4}
    with opened.read() as con:
        edits = load_edits(con)
    assert [edit.action for edit in edits] == ["rename", "pin", "merge"]
    stated = carried_over(edits, {"complete / send": "high", "complete / fetch": "low"})
    assert (stated["fines"], stated["complete / fetch"]) == (["high"], ["low"])
    assert query(opened, "select task_name, week::varchar from drift_acknowledgements") == [("fines", "2026-11-09")]
    moved = "select count(*) from calls where task_origin = 'complete / send' or list_contains(tool_names, 'send')"
    assert query(opened, moved) == [(16 * 4,)]


def test_a_new_list_of_tools_is_of_the_task_with_its_prompt(tmp_path: Path) -> None:
    """No content is kept: the first lists have names of their own until four have shown that the list varies."""
    rng = random.Random(7)
    pool = [f"tool_{number}" for number in range(60)]
    calls: list[dict[str, Any]] = []
    for number in range(40):
        tools = sorted(rng.sample(pool, 20))
        calls += asked(PARKING, 1, kept=False, tool_names=tools, task_key=digest(f"{number}"))
    for number in range(4):
        tools = ["alpha", "beta", "gamma"][:number]
        calls += asked(MARRIAGE.lower(), 2, kept=False, tool_names=tools, task_key=digest(f"m{number}"))

    opened = merged(tmp_path, *calls)
    names = dict(query(opened, "select prompt_head[1:3], count(distinct task_name) from calls group by 1 order by 1"))
    for number in range(40, 44):
        tools = sorted(rng.sample(pool, 20))
        spool(tmp_path, *asked(PARKING, 1, kept=False, day=1, tool_names=tools, task_key=digest(f"{number}")))
        opened.merge()

    assert names == {"You": 3, "you": 1}
    assert len(counts(opened)) == 4
