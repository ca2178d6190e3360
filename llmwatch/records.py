"""Owns the fields of what is recorded beside calls: scores, revenue and outcomes, replays, judgements.

One table per kind of spool line, field -> SQL type; the writer fills what it knows, the store reads by the same table.
A moment is whole microseconds since the epoch, UTC, in a field `*_us`, and a timestamp `*_at` in the store's table.
Standard library only: both halves import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# What somebody or something says of an answer. The call is found by any one of span, trace or response id.
SCORE_COLUMNS: Final[Mapping[str, str]] = {
    # Two records of one id: the later one counts.
    "score_id": "varchar",
    "scored_us": "bigint",
    # When it was said here, where scored_us is a moment that somebody stated.
    "recorded_us": "bigint",
    "span_id": "varchar",
    "trace_id": "varchar",
    "response_id": "varchar",
    "task": "varchar",
    # What was scored: quality unless said otherwise. Names are never mixed; `pair` is two answers compared.
    "name": "varchar",
    # 0 to 1, 1 is fully acceptable; null of a pair.
    "value": "double",
    "label": "varchar",
    # The rung of evidence: reference, label, feedback, review, judge.
    "evidence": "varchar",
    # Who scored; of a judge its model, and the digest of rubric and prompt, which begins a series of its own.
    "scorer": "varchar",
    "rubric_hash": "varchar",
    # The chance with which this call came to be scored; null where it was not drawn.
    "probability": "double",
    "false_facts": "bigint",
    "comment": "varchar",
    # code, or the name of the file or command it came from.
    "source": "varchar",
    "is_deleted": "boolean",
    # Of a pair: the replay whose answer was compared with the call's, and candidate minus incumbent: -1, 0 or 1.
    "replay_id": "varchar",
    "difference": "double",
}

# Money earned, given back or credited, and outcomes reached.
REVENUE_COLUMNS: Final[Mapping[str, str]] = {
    # Idempotency key: two records of one id are one event, the later one counts.
    "event_id": "varchar",
    "occurred_us": "bigint",
    # When this was said, which decides what is later.
    "recorded_us": "bigint",
    # revenue (refunds and credits are negative), or outcome.
    "kind": "varchar",
    # Decimal text in US dollars; null of an outcome without a value.
    "amount_usd": "varchar",
    "customer_id": "varchar",
    "plan": "varchar",
    "task": "varchar",
    "feature": "varchar",
    "span_id": "varchar",
    "trace_id": "varchar",
    "response_id": "varchar",
    # An outcome's name and whether it succeeded.
    "outcome": "varchar",
    "is_success": "boolean",
    # Recognised by the second over this half-open span; at once where there is none.
    "recognised_from_us": "bigint",
    "recognised_until_us": "bigint",
    "source": "varchar",
    "note": "varchar",
}

# What is paid for to learn something. A request is known by run and id; `sent` is written before it leaves, the other
# state at once after it. Money is decimal text in US dollars.
_PAID: Final[Mapping[str, str]] = {
    "run_id": "varchar",
    # sent; answered; failed.
    "state": "varchar",
    "recorded_us": "bigint",
    "span_id": "varchar",
    "task_name": "varchar",
    "model": "varchar",
    "server_address": "varchar",
    "input_tokens": "bigint",
    "output_tokens": "bigint",
    # Null where it may have been billed and nobody knows what; the reserve then stands for it.
    "cost_usd": "varchar",
    "reserved_usd": "varchar",
    "error": "varchar",
}
# A stored input sent again to another model.
REPLAY_COLUMNS: Final[Mapping[str, str]] = {
    # One per input and model, so that no pair is paid twice.
    "replay_id": "varchar",
    **_PAID,
    "response_model": "varchar",
    "cached_input_tokens": "bigint",
    "cache_write_tokens": "bigint",
    "reasoning_tokens": "bigint",
    "usage_raw": "varchar",
    "retries": "bigint",
    "latency_ms": "double",
    "time_to_first_token_ms": "double",
    "finish_reason": "varchar",
    "output_messages": "varchar",
    # JSON: how the two answers compare, without their text.
    "facts": "varchar",
}

# What a judge said of one answer (a score), or of two in one of both orders (a verdict on the candidate's).
JUDGEMENT_COLUMNS: Final[Mapping[str, str]] = {
    "judgement_id": "varchar",
    **_PAID,
    "replay_id": "varchar",
    # Which answer stood first, of two: incumbent or candidate.
    "first_answer": "varchar",
    "rubric_hash": "varchar",
    # The snapshot that answered as the judge.
    "response_model": "varchar",
    # 0 to 1.
    "score": "double",
    "verdict": "varchar",
    "reason": "varchar",
}
