"""Owns a judge run: which answers of a task a model is asked about, and what becomes of what it says.

One answer gets a score; of two answers each is put first once, and only a verdict that survives the turn counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from ..analysis.same_answer import Answer
from ..analysis.scan import WEEKS
from ..analysis.task_drift import JudgeChange, judge_changes
from ..errors import UsageError
from ..figures.reading import Reading
from ..figures.replays import load_replays
from ..pasted import command
from ..prices import PriceBook
from ..prices.models import load_models, shutdown_on
from ..settings import Settings
from .adapt import known_model
from .answers import Keeper, body_of, loaded, provider_name, read_given, usage_of
from .ask import Answered, Failure, Place
from .engine import Ask, Budget, Run
from .inputs import Drawn, StoredInput, draw, made_input, with_content
from .ledger import Item, Ledger, Past, digest, past_of
from .money import Meter, Size
from .rubric import MOST_TOKENS, First, Rubric, question, verdict_of
from .shadow import Expected, no_calls

DEFAULT_MODEL: Final = "gpt-6.1-terra"
_FAMILY: Final = "chat"
_LIKELY_TOKENS: Final = 120
# Answers of so many days, where their content is kept, are judged by a new judge too.
_JOINED_DAYS: Final = 56


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; `candidate` is the model of the replays that are compared, of pairs."""

    task: str
    model: str
    count: int
    max_usd: Decimal
    since: datetime
    until: datetime
    place: Place
    rubric: Rubric
    candidate: str = ""
    retries_lost: bool = False


@dataclass(frozen=True, slots=True)
class JudgePlan:
    """Everything a run would ask."""

    wanted: Wanted
    items: tuple[Item, ...]
    # Answers or pairs there are to ask about, and how many have been.
    available: int
    judged: int
    past: Past
    expected: Expected
    drawn: Drawn | None = None
    # Of the items, those about answers that another judge has scored: they join its scores to this one's.
    joining: int = 0

    @property
    def budget(self) -> Budget:
        """The cap, and what earlier runs of this judge and rubric have used of it."""
        return Budget(self.wanted.max_usd, self.past.used_usd)


def plan_judge(reading: Reading, wanted: Wanted) -> JudgePlan:
    """The plan; UsageError with the reason where there is nothing to judge."""
    stops = shutdown_on(wanted.model)
    if stops is not None and stops <= datetime.now(UTC).date():
        raise UsageError(f"{wanted.model} stopped answering on {stops}.", "Name another judge with --model.")
    meter = _meter(reading.settings, wanted)
    meter.row()
    given = {"task": wanted.task, "model": wanted.model, "rubric_hash": wanted.rubric.hash}
    past = past_of(reading.rows("judgement_requests", **given))
    gone = past.final if wanted.retries_lost else past.final | set(past.lost)
    asked = _pairs(reading, wanted, gone) if wanted.candidate else _answers(reading, wanted, gone)
    made = [_item(wanted, meter, *one) for one in asked.questions]
    each = [meter.expected(size) for _, size in made]
    low, likely, high = (sum((cost[i] for cost in each), Decimal(0)) for i in range(3))
    return JudgePlan(
        wanted=wanted,
        items=tuple(item for item, _ in made),
        available=asked.available,
        judged=asked.judged,
        past=past,
        expected=Expected(low, likely, high, is_measured=False),
        drawn=asked.drawn,
        joining=asked.joining,
    )


# (id, what the judge reads, what the record says)
_Question = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Asked:
    questions: list[_Question]
    available: int
    judged: int
    drawn: Drawn | None = None
    # Of the questions, those about answers that another judge has scored.
    joining: int = 0


def _answers(reading: Reading, wanted: Wanted, gone: frozenset[str] | set[str]) -> _Asked:
    series = (wanted.model, wanted.rubric.hash)
    both = _to_join(reading, wanted, gone)
    drawn = draw(
        reading, wanted.task, wanted.since, wanted.until, lambda skipped: wanted.count - skipped,
        skip=lambda span: digest("answer", span, *series) in gone or span in both, is_replay=False,
    )  # fmt: skip
    if not drawn.calls:
        raise no_calls(reading, wanted.task, wanted.since)
    if not drawn.usable:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(drawn.reasons.items()))
        raise UsageError(
            f"None of the {drawn.calls:,} answers of {wanted.task} can be judged: {reasons}.",
            'Content is needed: content = "redacted" in llmwatch.toml and a rate in [sample_rates].',
        )
    questions = [
        (
            digest("answer", one.span_id, *series),
            question(one, {"answer": _answer(one, one.answer)}),
            {"span_id": one.span_id},
        )
        for one in drawn.inputs
    ]
    questions = [*both.values(), *questions]
    return _Asked(questions, drawn.usable, drawn.skipped - len(both), drawn, len(both))


def _to_join(reading: Reading, wanted: Wanted, gone: frozenset[str] | set[str]) -> dict[str, _Question]:
    """Span -> what this judge is asked of answers that another judge has scored before.

    As many as make the step between the two known to +-4 points, so that its scores can stand before the new ones in
    drift. The judge's own alias may answer by another snapshot than before: it is asked once more, under another id.
    """
    change = _change(reading, wanted)
    if change is None or not change.missing:
        return {}
    since = wanted.until - timedelta(days=_JOINED_DAYS)
    asked = {
        row["span_id"]
        for row in reading.rows("judged_by", task=wanted.task, series=change.old, since=since, until=wanted.until)
    }
    series = (wanted.model, wanted.rubric.hash)

    def key(span: str) -> str:
        first = digest("answer", span, *series)
        return digest("answer again", span, *series, change.old) if first in gone else first

    drawn = draw(
        reading, wanted.task, since, wanted.until, lambda skipped: change.missing,
        skip=lambda span: span not in asked or key(span) in gone, is_replay=False,
    )  # fmt: skip
    return {
        one.span_id: (key(one.span_id), question(one, {"answer": _answer(one, one.answer)}), {"span_id": one.span_id})
        for one in drawn.inputs
    }


def _change(reading: Reading, wanted: Wanted) -> JudgeChange | None:
    """The judge before this one; the one that speaks today where this one has not scored anything yet."""
    asked = {"task": wanted.task, "since": wanted.until - timedelta(weeks=WEEKS), "until": wanted.until}
    known = judge_changes(reading.rows("judge_steps", **asked)).get(wanted.task)
    latest = reading.rows("judged_by", series=None, **asked)
    if not latest:
        return None
    now = latest[-1]["series"]
    if latest[-1]["rubric_hash"] == wanted.rubric.hash and latest[-1]["model"] == wanted.model:
        return known
    return JudgeChange(now, "", 0, 0.0, 1.0)


def _pairs(reading: Reading, wanted: Wanted, gone: frozenset[str] | set[str]) -> _Asked:
    replays = load_replays(reading, wanted.task, wanted.candidate)
    open_ids = {replay.pair.id for replay in replays if replay.pair.difference is None}
    found = reading.rows("pairs_to_judge", task=wanted.task, model=wanted.candidate)
    rows = [row for row in found if row["replay_id"] in open_ids]
    if not rows:
        raise UsageError(
            f"No pair of {wanted.task} on {wanted.candidate} waits for a judge: {len(replays):,} were replayed,"
            f" {len(replays) - len(open_ids):,} of them need none.",
            f"{command('shadow', task=wanted.task, to=wanted.candidate)} makes pairs.",
        )
    calls = {
        row["span_id"]: row
        for row in reading.rows("stored_inputs", task=wanted.task, since=datetime(1970, 1, 1), until=wanted.until)  # noqa: DTZ001
    }
    known = [calls[row["span_id"]] for row in rows if row["span_id"] in calls]
    inputs = {
        call["span_id"]: made_input(call, content, is_replay=False) for call, content in with_content(reading, known)
    }
    questions: list[tuple[str, str, dict[str, Any]]] = []
    pairs = judged = 0
    for row in rows:
        one = inputs.get(row["span_id"])
        if not isinstance(one, StoredInput):
            continue
        both = _both_orders(wanted, row, one)
        left = [asked for asked in both if asked[0] not in gone]
        if pairs == wanted.count:
            break
        pairs += 1
        judged += not left
        questions += left
    return _Asked(questions, len(rows), judged)


def _both_orders(wanted: Wanted, row: Mapping[str, Any], one: StoredInput) -> list[tuple[str, str, dict[str, Any]]]:
    reasons = [row["finish_reason"]] if row["finish_reason"] else None
    candidate = _answer(one, body_of(one.family, loaded(row["candidate_output"]), reasons))
    incumbent = _answer(one, one.answer)
    orders: Sequence[tuple[First, Answer, Answer]] = (
        ("incumbent", incumbent, candidate),
        ("candidate", candidate, incumbent),
    )
    return [
        (
            digest("pair", row["replay_id"], first, wanted.model, wanted.rubric.hash),
            question(one, {"first": answer, "second": other}),
            {"span_id": one.span_id, "replay_id": row["replay_id"], "first_answer": first},
        )
        for first, answer, other in orders
    ]


def _answer(one: StoredInput, body: Mapping[str, Any]) -> Answer:
    return read_given(one.family, one.body, body).answer


def _meter(settings: Settings, wanted: Wanted) -> Meter:
    book = PriceBook(settings.prices, settings.price_file, hosts=settings.hosts)
    place = wanted.place
    known = known_model(load_models(book, datetime.now(UTC).date()), wanted.model)
    provider = provider_name("OpenAI", place.host, place.port, settings.hosts)
    reasons = known.reasons if known else None
    return Meter(book, place, provider, wanted.model, reasons=reasons, most_output=MOST_TOKENS)


def _item(wanted: Wanted, meter: Meter, key: str, user: str, record: dict[str, Any]) -> tuple[Item, Size]:
    body = wanted.rubric.body(wanted.model, user)
    words = wanted.rubric.system + user
    size = Size(len(words) // 4, _LIKELY_TOKENS, MOST_TOKENS)
    # Hardly any text has more tokens than half its bytes.
    most = Size(len(words.encode("utf-8")) // 2 + 400, _LIKELY_TOKENS, MOST_TOKENS)
    item = Item(
        id=key,
        family=_FAMILY,
        body=body,
        reserved_usd=meter.reserve(most),
        tokens=size.input_tokens + _LIKELY_TOKENS,
        record={
            "task_name": wanted.task,
            "model": wanted.model,
            "rubric_hash": wanted.rubric.hash,
            "server_address": wanted.place.host,
            **record,
        },
    )
    return item, size


class Hearing:
    """Reads what a judge said into the record of a judgement."""

    def __init__(self, wanted: Wanted, meter: Meter, keeper: Keeper) -> None:
        self._is_pair = wanted.rubric.is_pair
        self._meter = meter
        self._keeper = keeper

    def read(self, item: Item, result: Answered | Failure, retries: int) -> dict[str, Any]:
        """A judgement; or a failure that may have cost something all the same."""
        del retries
        if isinstance(result, Failure):
            return {"state": "failed", "error": self._keeper.text(result.message), "cost_usd": Decimal(0)}
        usage = usage_of(item.family, result.body)
        paid = {
            "cost_usd": self._meter.cost(usage, item.family),
            "input_tokens": usage.get("input_tokens"),
            "output_tokens": usage.get("output_tokens"),
            "response_model": usage.get("response_model"),
        }
        given = read_given(item.family, item.body, result.body)
        said = self._said(item, loaded(given.answer.text))
        if said is None:
            why = "cut off" if given.is_cut else "not in the form asked for"
            return {"state": "failed", "error": f"The judgement is {why}.", **paid}
        return {"state": "answered", **said, **paid}

    def _said(self, item: Item, found: Any) -> dict[str, Any] | None:
        if not isinstance(found, dict):
            return None
        reason = self._keeper.text(str(found.get("reason") or ""))[:2000] if self._keeper.is_kept else None
        if self._is_pair:
            word = found.get("verdict")
            if word not in ("first", "second", "same"):
                return None
            return {"verdict": verdict_of(word, item.record["first_answer"]), "reason": reason}
        score = found.get("score")
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            return None
        return {"score": float(score), "reason": reason}


def _go_on(item: Item, record: Mapping[str, Any] | None) -> str:
    """A judge is asked about every answer that was planned."""
    del item, record
    return ""


def new_run(settings: Settings, plan: JudgePlan, ask: Ask, ledger: Ledger) -> Run:
    """A run of the plan, ready to be executed."""
    hearing = Hearing(plan.wanted, _meter(settings, plan.wanted), Keeper(settings))
    return Run(plan.items, plan.budget, ledger, ask, hearing.read, _go_on)


__all__ = ["DEFAULT_MODEL", "JudgePlan", "Wanted", "new_run", "plan_judge"]
