"""Owns how replays are read: which pair of answers each is, on what evidence, and what the candidate used for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from ..analysis.replayed import Pair
from ..analysis.same_answer import Answer, normalized, normalized_text
from .reading import Reading


@dataclass(frozen=True, slots=True)
class Replay:
    """One stored input replayed: the pair of answers, and what either call used; None is not known."""

    pair: Pair
    span_id: str
    sent_at: datetime
    # Which model gave the incumbent's answer, and what answered the replay.
    incumbent_model: str
    response_model: str | None
    # The candidate's own counts. Hidden reasoning is part of the output.
    input_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    # Tries that were refused before this one, none of them billed.
    retries: int
    cost_usd: Decimal | None
    latency_ms: float | None
    time_to_first_token_ms: float | None
    incumbent_output_tokens: int | None
    incumbent_cost_usd: Decimal | None
    incumbent_latency_ms: float | None
    incumbent_time_to_first_token_ms: float | None
    # One step of a conversation with tools: says nothing of where the conversation would have gone.
    is_step: bool
    # Parameters that had to be left out or renamed for the candidate.
    adapted: tuple[str, ...]
    # The reasoning effort that the run asked for; empty: none was asked for.
    effort: str
    # False if the candidate's side refused the request itself: an answer lost.
    is_answered: bool


def load_replays(reading: Reading, task: str, model: str, effort: str | None = None) -> list[Replay]:
    """Every input of the task that was replayed on the model, in the order of sending.

    A model that thinks less is another candidate: only replays of one effort are given, that of the latest by default.
    """
    found = [replay_from(row) for row in reading.rows("replayed", task=task, model=model)]
    if effort is None:
        effort = found[-1].effort if found else ""
    return [one for one in found if one.effort == effort]


def load_pairs(reading: Reading, task: str, model: str) -> list[Pair]:
    """The pairs of answers, in the order in which a sequential test may take them."""
    return [replay.pair for replay in load_replays(reading, task, model)]


def replay_from(row: Mapping[str, Any]) -> Replay:
    """A replay from a row of the query `replayed`; what its facts do not say is unknown."""
    facts: Mapping[str, Any] = json.loads(row["facts"] or "{}")
    cost = facts.get("incumbent_cost_usd")
    return Replay(
        pair=pair_from(row, facts),
        span_id=row["span_id"],
        sent_at=row["sent_at"],
        incumbent_model=facts.get("incumbent_model") or "",
        response_model=row["response_model"],
        input_tokens=row["input_tokens"],
        cached_input_tokens=row["cached_input_tokens"],
        cache_write_tokens=row["cache_write_tokens"],
        output_tokens=row["output_tokens"],
        reasoning_tokens=row["reasoning_tokens"],
        retries=row["retries"] or 0,
        cost_usd=row["cost_usd"],
        latency_ms=row["latency_ms"],
        time_to_first_token_ms=row["time_to_first_token_ms"],
        incumbent_output_tokens=facts.get("incumbent_output_tokens"),
        incumbent_cost_usd=None if cost is None else Decimal(cost),
        incumbent_latency_ms=facts.get("incumbent_latency_ms"),
        incumbent_time_to_first_token_ms=facts.get("incumbent_time_to_first_token_ms"),
        is_step=bool(facts.get("is_step")),
        adapted=tuple(facts.get("adapted") or ()),
        effort=facts.get("effort") or "",
        is_answered=row["state"] == "answered",
    )


def pair_from(row: Mapping[str, Any], facts: Mapping[str, Any]) -> Pair:
    """The pair of a row; a reference decides before checks do, and what a person says is left to the audits."""
    incumbent, candidate = _by_reference(row, facts)
    return Pair(
        id=row["replay_id"],
        stratum=row.get("stratum") or "",
        is_same=bool(facts.get("is_same")),
        incumbent_score=incumbent,
        candidate_score=candidate,
        judge=row.get("judge"),
        input_tokens=facts.get("input_tokens"),
        incumbent_valid=facts.get("incumbent_valid"),
        candidate_valid=facts.get("candidate_valid"),
        incumbent_cut=facts.get("incumbent_cut"),
        candidate_cut=facts.get("candidate_cut"),
    )


def _by_reference(row: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """(incumbent's, candidate's) score: 1 for the reference's own words after normalisation, else 0.

    Nothing if neither says it: a reference in another form than the answers (a label beside JSON) tells nothing.
    """
    if not row.get("reference"):
        return None, None
    right = text_hash(row["reference"])
    found = [facts.get(f"{side}_text_hash") == right for side in ("incumbent", "candidate")]
    return (float(found[0]), float(found[1])) if any(found) else (None, None)


def text_hash(text: str) -> str:
    """Equal for texts that count as the same answer."""
    return _digest(normalized_text(text))


def answer_hash(answer: Answer) -> str:
    """Equal for answers that count as the same."""
    return _digest(repr(normalized(answer)))


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12, usedforsecurity=False).hexdigest()
