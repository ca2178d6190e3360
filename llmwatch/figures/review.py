"""Owns which answers and pairs people are asked to review, and what they have said of pairs so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from ..analysis.review import AUDIT_DAYS, Item, PairItem, audit_items, item_from, pair_items
from ..analysis.transcript import answer_text, question_text
from ..pseudonym import load_key
from ..settings import Settings
from .reading import Reading
from .replays import load_replays

WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Sample:
    """What to review, done or not; and the tasks of which nothing can be reviewed, as (task, answers, content mode)."""

    since: datetime
    until: datetime
    items: tuple[Item, ...]
    missing: tuple[tuple[str, int, str], ...] = ()

    @property
    def tasks_audited(self) -> tuple[str, ...]:
        """Tasks whose judge is being checked in place of the week's sample."""
        return tuple(sorted({item.task for item in self.items if item.reason == "audit"}))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs to compare, done or not; `lost` had an answer that is not kept any more."""

    items: tuple[PairItem, ...]
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Texts:
    """What a person reads: the question, and one answer or two of them."""

    question: str
    answer: str
    other: str = ""


def review_key(settings: Settings) -> str:
    """What the draws of this home are keyed with: the same for everybody who reads it."""
    return (load_key(settings.key_path, create=True) or b"").hex()


def last_week(now: datetime) -> datetime:
    """The Monday of the last week that is over at `now`."""
    return monday(now) - WEEK


def monday(moment: datetime) -> datetime:
    """The start of the moment's week."""
    return datetime.combine(moment.date() - timedelta(days=moment.weekday()), time())


def load_sample(
    store: Reading, since: datetime, until: datetime, task: str | None, *, rate: float, floor: int, audits: int
) -> Sample:
    """The sample of every week in [since, until); for tasks whose judge is not audited, audits of the last four weeks.

    `audits` is how many of a task; 0 asks for none.
    """
    key = review_key(store.settings)
    both: dict[str, Any] = {"since": since, "until": until, "task": task}
    sampled = [item_from(row) for row in store.rows("review_sample", key=key, rate=rate, floor=floor, **both)]
    judged = both | {"since": min(since, until - timedelta(days=AUDIT_DAYS))}
    audited = audit_items(store.rows("judged_answers", key=key, **judged), audits) if audits else {}
    items = [item for item in sampled if item.task not in audited]
    items += [item for found in audited.values() for item in found]
    missing = store.rows("answers_missing", **both)
    return Sample(
        since,
        until,
        tuple(sorted(items, key=lambda item: (item.task, item.week))),
        tuple((row["task"], row["answers"], row["content_mode"] or "unknown") for row in missing),
    )


def load_answers(store: Reading, items: Iterable[Item]) -> dict[Item, Texts]:
    """What was asked and answered; an item whose content is not kept any more is left out."""
    asked = list(items)
    rows = {row["span_id"]: row for row in store.rows("contents", names=[item.span_id for item in asked])}
    return {
        item: Texts(question_text(row), answer_text(row["output_messages"]))
        for item in asked
        if (row := rows.get(item.span_id))
    }


def load_audits(store: Reading, task: str | None = None, model: str | None = None) -> dict[str, float]:
    """Replay id -> candidate minus incumbent as people compared them, in -1 to 1."""
    return {row["replay_id"]: row["difference"] for row in store.rows("pair_audits", task=task, model=model)}


def load_pair_items(store: Reading, task: str | None, model: str | None, batches: int) -> Pairs:
    """The pairs to compare of every task and model replayed, or of those named."""
    key = review_key(store.settings)
    items: list[PairItem] = []
    for row in store.rows("replayed_tasks"):
        if (task is None or row["task"] == task) and (model is None or row["model"] == model):
            items += _pairs_of(store, row["task"], row["model"], key, batches)
    kept = readable(store, [item.replay_id for item in items])
    return Pairs(tuple(item for item in items if item.replay_id in kept), sum(i.replay_id not in kept for i in items))


def _pairs_of(store: Reading, task: str, model: str, key: str, batches: int) -> list[PairItem]:
    replays = [replay for replay in load_replays(store, task, model) if replay.is_answered]
    pairs = [(replay.pair, replay.span_id) for replay in replays]
    return pair_items(task, model, pairs, load_audits(store, task, model), key, batches)


def readable(store: Reading, replay_ids: Sequence[str]) -> set[str]:
    """The replays of which both answers are kept."""
    rows = store.rows("pair_contents", names=list(replay_ids))
    return {row["replay_id"] for row in rows if row["incumbent_output"] is not None}


def load_pair_answers(store: Reading, items: Iterable[PairItem]) -> dict[PairItem, Texts]:
    """The question, the left answer and the right one; a pair of which one is not kept any more is left out."""
    asked = list(items)
    rows = {row["replay_id"]: row for row in store.rows("pair_contents", names=[item.replay_id for item in asked])}
    return {
        item: _sided(item, row)
        for item in asked
        if (row := rows.get(item.replay_id)) and row["incumbent_output"] is not None
    }


def _sided(item: PairItem, row: Mapping[str, Any]) -> Texts:
    old, new = answer_text(row["incumbent_output"]), answer_text(row["candidate_output"])
    left, right = (new, old) if item.is_candidate_left else (old, new)
    return Texts(question_text(row), left, right)


def unfinished(items: Iterable[Item]) -> list[Item]:
    """The items that nobody has reviewed."""
    return [item for item in items if not item.is_done]
