"""Owns task discovery: which calls do the same work, told from what they ask with, not from what anybody named them.

Records go in, task ids come out; the order of the records changes nothing. Calls never share a task across buckets
(call site, response format); inside a bucket the fixed text of their prompts decides, and where one prompt comes
with two or three lists of tools, the tools.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..tool_lists import families, nearest
from .outside import read_records
from .shingles import Hashes, PromptRecord, Shingler
from .tree import SMALLEST, Leaf, grow


@dataclass(frozen=True, slots=True)
class FoundTask:
    """Calls that do the same work, by the ids of their records, and the numbers of the text they share."""

    task_id: str
    record_ids: tuple[str, ...]
    skeleton: Hashes
    # No fixed text tells these calls apart: the bucket's other prompts.
    is_rest: bool
    # All tools of a task that has its prompt in common with others; empty for one that its prompt alone tells apart.
    tool_names: tuple[str, ...] = ()


def discover(records: Iterable[PromptRecord | Mapping[str, Any]]) -> dict[Any, str]:
    """Record id -> task id; ids of calls that belong to no task end in `/other`, one such id for each bucket.

    Records may be dicts of the same fields, messages and content as a request has them; UsageError for what is neither.
    """
    read, ids = read_records(records)
    return {ids[key]: task.task_id for task in discover_tasks(read, Shingler()) for key in task.record_ids}


def discover_tasks(records: Iterable[PromptRecord], shingler: Shingler) -> list[FoundTask]:
    """The tasks of all records, bucket by bucket, the largest first in each."""
    buckets: defaultdict[tuple[str, str], list[PromptRecord]] = defaultdict(list)
    for record in records:
        buckets[record.bucket].append(record)
    return [task for bucket in sorted(buckets) for task in _tasks_of(bucket_key(*bucket), buckets[bucket], shingler)]


def bucket_key(call_site: str, response_format: str) -> str:
    """16 hex digits for a bucket, those that merging gives it."""
    text = "\x1f".join((call_site, "", response_format))
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:16]


def _tasks_of(bucket: str, records: Sequence[PromptRecord], shingler: Shingler) -> list[FoundTask]:
    ordered = sorted(records, key=lambda r: r.id)
    leaves = grow([shingler.of(record) for record in ordered])
    return [task for leaf in leaves for task in _by_tools(bucket, leaf, ordered)]


def _by_tools(bucket: str, leaf: Leaf, ordered: Sequence[PromptRecord]) -> list[FoundTask]:
    """The leaf's task, or its tasks where two or three lists of tools share its prompt."""
    rows = [ordered[row] for row in leaf.rows]
    sizes = Counter(frozenset(record.tool_names) for record in rows)
    family = families(tools for tools, calls in sizes.items() if calls >= SMALLEST)
    if leaf.is_rest or len(set(family.values())) < 2:
        return [FoundTask(_task_id(bucket, leaf), tuple(r.id for r in rows), leaf.skeleton, leaf.is_rest)]
    groups: defaultdict[int, list[PromptRecord]] = defaultdict(list)
    for record in rows:
        groups[nearest(frozenset(record.tool_names), family) or 0].append(record)
    found: list[FoundTask] = []
    for group in sorted(groups.values(), key=len, reverse=True):
        tools = tuple(sorted({name for record in group for name in record.tool_names}))
        digest = hashlib.blake2b("\x1f".join(tools).encode("utf-8", "surrogatepass"), digest_size=2).hexdigest()
        task_id = f"{_task_id(bucket, leaf)}{digest}"
        found.append(FoundTask(task_id, tuple(r.id for r in group), leaf.skeleton, leaf.is_rest, tools))
    return found


def _task_id(bucket: str, leaf: Leaf) -> str:
    if leaf.is_rest:
        return f"{bucket}/other"
    # Two leaves may have no fixed text at all, but never a first row in common.
    digest = hashlib.blake2b(leaf.skeleton.tobytes() or b"%d" % leaf.rows[0], digest_size=4)
    return f"{bucket}/{digest.hexdigest()}"


__all__ = ["SMALLEST", "FoundTask", "PromptRecord", "Shingler", "bucket_key", "discover", "discover_tasks"]
