"""Owns what a review asks a person and what is recorded of the reply: one answer, or two answers compared blind.

Which answers are asked for depends on the store and a key alone, so that everybody is asked for the same. No clock, no
I/O, no random number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, Literal

from .downgrade import AUDIT_BATCH
from .paired import LEAST_AUDITS, audit_plan
from .replayed import Judgement, Pair

RATE: Final = 0.01
FLOOR: Final = 5
# How far back a judge's answers are looked for that a person should check.
AUDIT_DAYS: Final = 28
GRADES: Final = 5

Preference = Literal["left", "right", "same", "both bad"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One answer, and the chance with which it came to be asked for; None if that is not known."""

    span_id: str
    task: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class Item(Drawn):
    """One answer to review."""

    started_at: datetime
    week: date
    stratum: str
    # sample: the week's; audit: a judge scored it, and nobody has checked that judge.
    reason: Literal["sample", "audit"]
    is_done: bool


@dataclass(frozen=True, slots=True)
class PairItem:
    """Two answers to one input; which side is the candidate's is decided by the key and not shown."""

    replay_id: str
    span_id: str
    task: str
    model: str
    way: Judgement
    probability: float
    is_done: bool
    is_candidate_left: bool
    # What stands for it in a file, so that the file gives nothing away.
    blind_id: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said of one answer."""

    value: float
    label: str
    false_facts: int = 0
    comment: str = ""


def item_from(row: Mapping[str, Any]) -> Item:
    """An item from a row of the query review_sample."""
    return Item(**{column.name: row[column.name] for column in fields(Item)})


def audit_items(rows: Iterable[Mapping[str, Any]], budget: int = AUDIT_BATCH) -> dict[str, list[Item]]:
    """Task -> answers to audit, where a judge scored answers and its strata have too few reviews; rows: judged_answers.

    Drawn at random within each stratum of the judge's scores, at least five of each that occurs. A task whose judge
    is audited has none. Those done already stay among the items, so that the set does not move while it is worked on.
    """
    by_task: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        by_task.setdefault(row["task"], {}).setdefault(row["judged"], []).append(row)
    return {
        task: _audits(strata, budget)
        for task, strata in sorted(by_task.items())
        if any(_done(found) < min(len(found), LEAST_AUDITS) for found in strata.values())
    }


def _done(rows: Iterable[Mapping[str, Any]]) -> int:
    return sum(bool(row["is_done"]) for row in rows)


def _audits(strata: Mapping[str, Sequence[Mapping[str, Any]]], budget: int) -> list[Item]:
    plan = audit_plan({stratum: len(found) for stratum, found in strata.items()}, budget)
    judged = sum(len(found) for found in strata.values())
    return [
        Item(
            span_id=row["span_id"],
            task=row["task"],
            started_at=row["started_at"],
            week=row["week"],
            stratum=row["stratum"],
            # Drawn among the judged of its stratum, which were drawn among those with content, which were sampled.
            probability=plan[stratum] / len(found) * judged / max(row["kept"], judged) * (row["chance"] or 1.0),
            reason="audit",
            is_done=bool(row["is_done"]),
        )
        for stratum, found in sorted(strata.items())
        for row in sorted(found, key=lambda r: (r["drawn"], r["span_id"]))[: plan[stratum]]
    ]


def pair_items(
    task: str, model: str, pairs: Sequence[tuple[Pair, str]], done: Iterable[str], key: str, batches: int = 1
) -> list[PairItem]:
    """The pairs, given with their spans, that people should compare: 40 a batch, at least 5 of each way of differing.

    Drawn within each way the judge says they differ, in the order of a keyed hash, so that a second batch adds to the
    first. Pairs that a check or a reference decides are asked only where nothing else is left to ask.
    """
    spans = {pair.id: span for pair, span in pairs}
    differing = [pair for pair, _ in pairs if not pair.is_same]
    asked = [pair for pair in differing if pair.difference is None] or differing
    ways: dict[Judgement, list[str]] = {}
    for pair in asked:
        ways.setdefault(pair.sided, []).append(pair.id)
    plan = audit_plan({way: len(ids) for way, ids in ways.items()}, AUDIT_BATCH * batches)
    finished = set(done)
    items = [
        PairItem(
            replay_id=name,
            span_id=spans[name],
            task=task,
            model=model,
            way=way,
            probability=plan[way] / len(ids),
            is_done=name in finished,
            is_candidate_left=int(keyed(key, "side", name)[:8], 16) % 2 == 1,
            blind_id=blind_id(key, name),
        )
        for way, ids in ways.items()
        for name in sorted(ids, key=lambda one: keyed(key, "draw", one))[: plan[way]]
    ]
    # Not by way: the order would give the judge's opinion away.
    return sorted(items, key=lambda item: keyed(key, "order", item.replay_id))


def keyed(key: str, purpose: str, name: str) -> str:
    """A hash that nobody foresees without the key; 64 hex digits."""
    return sha256(f"{key}\x1f{purpose}\x1f{name}".encode("utf-8", "surrogatepass")).hexdigest()


def blind_id(key: str, replay_id: str) -> str:
    """What stands for a replay in a file."""
    return keyed(key, "blind", replay_id)[:16]


def acceptable(is_acceptable: bool, false_facts: int = 0, comment: str = "") -> Said:
    """Yes or no."""
    return Said(float(is_acceptable), "acceptable" if is_acceptable else "not acceptable", false_facts, comment)


def graded(grade: int, false_facts: int = 0, comment: str = "") -> Said:
    """1 to 5, where 5 is fully acceptable and 1 not at all."""
    return Said((grade - 1) / (GRADES - 1), f"grade {grade}", false_facts, comment)


def review_record(item: Drawn, said: Said, scorer: str, at_us: int, source: str = "review") -> dict[str, Any]:
    """The spool record of one reviewed answer; a person's later word on the same answer replaces it."""
    return {
        "score_id": score_id(item.span_id, scorer),
        "scored_us": at_us,
        "span_id": item.span_id,
        "task": item.task,
        "name": "quality",
        "value": said.value,
        "label": said.label,
        "evidence": "review",
        "scorer": scorer,
        "probability": item.probability,
        "false_facts": said.false_facts,
        "comment": said.comment or None,
        "source": source,
    }


def pair_record(
    item: PairItem, preference: Preference, comment: str, scorer: str, at_us: int, source: str = "review"
) -> dict[str, Any]:
    """The spool record of two answers compared; `difference` is candidate minus incumbent, `value` stays null."""
    sides: dict[Preference, float] = {"left": 1.0, "right": -1.0, "same": 0.0, "both bad": 0.0}
    sign = 1.0 if item.is_candidate_left else -1.0
    return {
        "score_id": score_id(item.replay_id, scorer),
        "scored_us": at_us,
        "span_id": item.span_id,
        "task": item.task,
        "name": "pair",
        "label": preference if preference in {"same", "both bad"} else _better(sides[preference] * sign),
        "evidence": "review",
        "scorer": scorer,
        "probability": item.probability,
        "comment": comment or None,
        "source": source,
        "replay_id": item.replay_id,
        "difference": sides[preference] * sign + 0.0,
    }


def _better(difference: float) -> str:
    return "candidate better" if difference > 0 else "incumbent better"


def deleted(record: Mapping[str, Any], at_us: int) -> dict[str, Any]:
    """The record that takes another back."""
    return {**record, "scored_us": at_us, "is_deleted": True}


def score_id(name: str, scorer: str) -> str:
    """One person has one opinion of one answer or pair."""
    return "review_" + sha256(f"{name}\x1f{scorer}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
