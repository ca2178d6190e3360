"""Owns the names of tasks that nobody tagged: readable, unique, and never changed once given.

Pure: keys and the names in use go in, names come out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ..analysis.tool_lists import nearest

# More distinct prompts than this at one call site, tool set and format: the prompt is text that changes.
KEYS_PER_BUCKET: Final = 8
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class UnnamedTask:
    """A key that untagged calls carry, and what can be said about it."""

    task_key: str
    bucket: str
    call_site: str | None
    tool_names: Sequence[str]
    response_format: str | None
    prompt_head: str | None
    operation_name: str | None


@dataclass(frozen=True, slots=True)
class NamedTask:
    """A key with its name; a key that is its own bucket names all further keys of that bucket."""

    task_key: str
    task_name: str
    bucket: str
    call_site: str | None
    # Whether the name is that of another key: the same prompt with another list of tools.
    is_variant: bool = False


# (bucket, prompt head) -> list of tools -> the name that calls of it have.
Variants = Mapping[tuple[str, str], Mapping[frozenset[str], str]]


def name_tasks(
    unnamed: Iterable[UnnamedTask],
    known: Iterable[NamedTask],
    taken: Iterable[str] = (),
    variants: Variants = MappingProxyType({}),
) -> list[NamedTask]:
    """Names for the keys, in their order; none that is in use, and at most KEYS_PER_BUCKET and one for a bucket.

    A key whose prompt has a name with a list of tools that varies into its own takes that name.
    """
    asked = list(unnamed)
    known = list(known)
    names: dict[str, str | None] = dict.fromkeys(taken)
    names |= {task.task_name: task.call_site for task in known}
    sizes = Counter(task.bucket for task in known)
    rarity = Counter(word for task in asked for word in set(_words(task.prompt_head)))
    given: list[NamedTask] = []
    closed: set[str] = set()
    named = {place: dict(lists) for place, lists in variants.items()}
    for task in asked:
        lists = named.setdefault((task.bucket, task.prompt_head or task.task_key), {})
        tools = frozenset(task.tool_names or ())
        if (same := nearest(tools, lists)) is not None:
            lists[tools] = same
            given.append(NamedTask(task.task_key, same, task.bucket, task.call_site, is_variant=True))
            continue
        if task.bucket in closed:
            continue
        is_last = sizes[task.bucket] >= KEYS_PER_BUCKET
        key = task.bucket if is_last else task.task_key
        candidates = _shared_names(task) if is_last else _own_names(task, names, rarity)
        name = next((n for n in candidates if n not in names), f"{_base(task)} {key}")
        names[name] = task.call_site
        sizes[task.bucket] += 1
        if is_last:
            closed.add(task.bucket)
        lists[tools] = name
        given.append(NamedTask(key, name, task.bucket, task.call_site))
    return given


def name_found(
    bucket: UnnamedTask, key: str, words: Sequence[str], rarity: Mapping[str, int], taken: Collection[str]
) -> str:
    """A name for a task found by its prompts' fixed words, the rarest of them beside the call site; never one taken."""
    task = replace(bucket, task_key=key, prompt_head=" ".join(words))
    # As if all were of this call site: what tells tasks apart is what their prompts say, not the module.
    names = dict.fromkeys(taken, bucket.call_site)
    candidates = _own_names(task, names, rarity)
    return next((n for n in candidates if n not in names), f"{_base(task)} {key}")


def _own_names(task: UnnamedTask, names: Mapping[str, str | None], rarity: Mapping[str, int]) -> list[str]:
    """Names for one key, the shortest first."""
    base = _base(task)
    if base in names and names[base] != task.call_site:
        base = _qualified(task)
    details = [*_details(task), *_rare_words(task, rarity)]
    return [_cut(n) for n in (base, *(f"{base} / {d}" for d in details), f"{base} {task.task_key[:6]}")]


def _shared_names(task: UnnamedTask) -> list[str]:
    base = f"{_base(task)} / other prompts"
    return [_cut(n) for n in (base, f"{_qualified(task)} / other prompts", f"{base} {task.bucket[:6]}")]


def _base(task: UnnamedTask) -> str:
    """The function that makes the call; for code outside any function its module."""
    module, _, function = (task.call_site or "").partition(":")
    function = function.replace("<lambda>", "lambda")
    if not function or function == "<module>":
        return module.rpartition(".")[2] or task.operation_name or "call"
    return function


def _qualified(task: UnnamedTask) -> str:
    module, _, function = (task.call_site or "").partition(":")
    if not function or function == "<module>":
        return module or _base(task)
    return f"{module}.{_base(task)}"


def _details(task: UnnamedTask) -> list[str]:
    schema = task.response_format if task.response_format not in (None, "text", "json_object", "json_schema") else None
    return [d for d in (schema, ", ".join(sorted(task.tool_names)[:3])) if d]


def _rare_words(task: UnnamedTask, rarity: Mapping[str, int]) -> list[str]:
    words = list(dict.fromkeys(_words(task.prompt_head)))
    rarest = sorted(words, key=lambda word: (rarity[word], words.index(word)))[:3]
    return [" ".join(sorted(rarest[:n], key=words.index)) for n in (2, 3) if len(rarest) >= n]


def _words(text: str | None) -> list[str]:
    return [word.lower() for word in _WORD.findall(text or "")]


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
