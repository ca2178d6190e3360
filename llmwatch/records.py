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
    "span_id": "varchar",
    "trace_id": "varchar",
    "response_id": "varchar",
    "task": "varchar",
    # What was scored: quality unless said otherwise. Names are never mixed.
    "name": "varchar",
    # 0 to 1, 1 is fully acceptable.
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
}

# Money earned, given back or credited, and outcomes reached.
REVENUE_COLUMNS: Final[Mapping[str, str]] = {
    # Idempotency key: two records of one id are one event, the later one counts.
    "event_id": "varchar",
    "occurred_us": "bigint",
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
