"""Names of untagged tasks: readable, unique, stable, and not one per prompt."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from llmwatch.store.tasks import KEYS_PER_BUCKET, NamedTask, UnnamedTask, name_tasks

from .records import call, merged, query, spool


def unnamed(key: str, site: str | None = "app.tickets:classify", **fields: object) -> UnnamedTask:
    """A key of one bucket, unless a test says otherwise."""
    values: dict[str, object] = {
        "tool_names": (),
        "response_format": None,
        "prompt_head": None,
        "operation_name": "chat",
    }
    return UnnamedTask(key, str(fields.pop("bucket", site)), site, **{**values, **fields})  # pyright: ignore


def names(*tasks: UnnamedTask, known: tuple[NamedTask, ...] = ()) -> list[str]:
    """The names given."""
    return [task.task_name for task in name_tasks(tasks, known)]


def test_a_task_is_named_after_the_function_that_calls() -> None:
    """A method keeps its class, code outside functions its module, and nothing known leaves the operation."""
    assert names(unnamed("1")) == ["classify"]
    assert names(unnamed("1", "app.bot:Assistant.answer")) == ["Assistant.answer"]
    assert names(unnamed("1", "nightly.report:<module>")) == ["report"]
    assert names(unnamed("1", None)) == ["chat"]


def test_the_same_function_name_elsewhere_is_qualified_by_its_module() -> None:
    """Two functions of one name in two modules are two names."""
    assert names(unnamed("1", "a:run"), unnamed("2", "b.c:run")) == ["run", "b.c.run"]


def test_keys_of_one_call_site_differ_by_schema_tools_or_rare_words() -> None:
    """What tells them apart is in the name; a hash is the last resort."""
    given = names(
        unnamed("1", prompt_head="You are a helpful assistant. Translate the text."),
        unnamed("2", response_format="Invoice"),
        unnamed("3", tool_names=("search", "fetch")),
        unnamed("4", prompt_head="You are a helpful assistant. Summarise the contract."),
        unnamed("555555555"),
    )

    assert given == [
        "classify",
        "classify / Invoice",
        "classify / fetch, search",
        "classify / summarise contract",
        "classify 555555",
    ]


def test_more_prompts_than_a_bucket_holds_share_its_name(tmp_path: Path) -> None:
    """A prompt that changes with every call makes eight names and one for all the rest, over any number of merges."""
    opened = merged(tmp_path, *[call(task_key=f"{n:016x}", call_site="app:ask") for n in range(6)])
    for start in (6, 40):
        spool(tmp_path, *[call(task_key=f"{n:016x}", call_site="app:ask") for n in range(start, start + 34)])
        opened.merge()

    assert query(opened, "select count(*) from tasks") == [(KEYS_PER_BUCKET + 1,)]
    rows = query(opened, "select task_name, count(*) as n from calls group by task_name order by n desc, task_name")
    assert rows[0] == ("ask / other prompts", 74 - KEYS_PER_BUCKET)
    assert len(rows) == KEYS_PER_BUCKET + 1


def test_a_tag_is_the_name_and_a_bare_call_has_its_endpoint(tmp_path: Path) -> None:
    """What the program says goes before what we find out."""
    opened = merged(tmp_path, call(task="tagged", task_key="1" * 16, call_site="app:x", task_source="tag"), call())

    rows = query(opened, "select task_name, task_source from calls order by task_name desc")
    assert rows == [("tagged", "tag"), ("POST /chat/completions", "endpoint")]


_texts = st.none() | st.text(max_size=30)
_unnamed = st.builds(
    UnnamedTask,
    task_key=st.uuids().map(lambda u: u.hex[:16]),
    bucket=st.sampled_from(["b1", "b2"]),
    call_site=st.sampled_from([None, "a:f", "b:f", "a:<module>", ":", "a:", "x" * 200 + ":f"]) | _texts,
    tool_names=st.lists(st.text(max_size=10), max_size=3),
    response_format=_texts,
    prompt_head=_texts,
    operation_name=_texts,
)


@given(st.lists(_unnamed, max_size=25, unique_by=lambda t: t.task_key))
def test_names_are_unique_and_never_change(tasks: list[UnnamedTask]) -> None:
    """Named in two halves, nobody's name is taken twice, empty, or given to a second key."""
    half = len(tasks) // 2

    first = name_tasks(tasks[:half], [])
    second = name_tasks(tasks[half:], first)

    everyone = [*first, *second]
    assert len({task.task_name for task in everyone}) == len(everyone)
    assert all(task.task_name for task in everyone)
