"""Owns how the quality of a period's answers is asked for."""

from __future__ import annotations

from datetime import datetime

from ..analysis.quality import Scored
from .reading import Reading


def load_quality(store: Reading, since: datetime, until: datetime) -> Scored:
    """Scores, audits and checks of the calls in [since, until); the week of a score is that of its call."""
    period = {"since": since, "until": until}
    scores = store.rows("quality_scores", **period)
    is_judged = any(row["evidence"] == "judge" for row in scores)
    return Scored(
        since=since,
        until=until,
        scores=scores,
        audits=store.rows("judge_audits", **period) if is_judged else [],
        checks=store.rows("answer_checks", **period),
        unresolved=store.rows("unresolved_scores", names=None)[0]["unresolved"],
        hindrances=store.hindrances,
    )
