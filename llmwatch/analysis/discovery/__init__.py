"""Owns task discovery: which calls do the same work, told from what they ask with, not from what anybody named them.

Records go in, task ids come out; the order of the records changes nothing. Calls never share a task across buckets
(call site, tool names, response format); inside a bucket the fixed text of their prompts decides.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def discover(records: Iterable[PromptRecord | Mapping[str, Any]]) -> dict[Any, str]:
    """Record id -> task id; ids of calls that belong to no task end in `/other`, one such id for each bucket.

    Records may be dicts of the same fields, messages and content as a request has them; UsageError for what is neither.
    """
    read, ids = read_records(records)
    return {ids[key]: task.task_id for task in discover_tasks(read, Shingler()) for key in task.record_ids}


def discover_tasks(records: Iterable[PromptRecord], shingler: Shingler) -> list[FoundTask]:
    """The tasks of all records, bucket by bucket, the largest first in each."""
    buckets: defaultdict[tuple[str, tuple[str, ...], str], list[PromptRecord]] = defaultdict(list)
    for record in records:
        buckets[record.bucket].append(record)
    return [task for bucket in sorted(buckets) for task in _tasks_of(bucket_key(*bucket), buckets[bucket], shingler)]


def bucket_key(call_site: str, tool_names: Sequence[str], response_format: str) -> str:
    """16 hex digits for a bucket, those that merging gives it."""
    text = "\x1f".join((call_site, ",".join(sorted(tool_names)), response_format))
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:16]


def _tasks_of(bucket: str, records: Sequence[PromptRecord], shingler: Shingler) -> list[FoundTask]:
    ordered = sorted(records, key=lambda r: r.id)
    leaves = grow([shingler.of(record) for record in ordered])
    return [
        FoundTask(_task_id(bucket, leaf), tuple(ordered[row].id for row in leaf.rows), leaf.skeleton, leaf.is_rest)
        for leaf in leaves
    ]


def _task_id(bucket: str, leaf: Leaf) -> str:
    if leaf.is_rest:
        return f"{bucket}/other"
    # Two leaves may have no fixed text at all, but never a first row in common.
    digest = hashlib.blake2b(leaf.skeleton.tobytes() or b"%d" % leaf.rows[0], digest_size=4)
    return f"{bucket}/{digest.hexdigest()}"


__all__ = ["SMALLEST", "FoundTask", "PromptRecord", "Shingler", "bucket_key", "discover", "discover_tasks"]
