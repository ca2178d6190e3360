"""Owns a shadow run: which stored inputs of a task are sent again to a cheaper model, and how the two answers compare.

The plan is made without asking anybody and costs nothing. Tools are offered to the model and never executed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

from ..analysis.downgrade import STAKES, Sequential, Stakes
from ..analysis.paired import CAP
from ..analysis.same_answer import Answer, is_same_answer
from ..errors import UsageError
from ..figures.reading import Reading
from ..figures.replays import Replay, answer_hash, load_replays, pair_from, replay_from, text_hash
from ..figures.review import load_audits
from ..figures.stated import stated_today
from ..prices import PriceBook
from ..prices.models import Model, load_models, shutdown_on
from ..settings import Settings
from .adapt import adapted, known_model, learned
from .answers import Keeper, body_of, loaded, output_of, provider_name, read_given, usage_of
from .ask import Answered, Failure, Place
from .engine import Ask, Budget, Run
from .inputs import Drawn, StoredInput, draw
from .ledger import Item, Ledger, Past, digest, past_of
from .money import Meter, Size

_KEY: Final = "replay"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for."""

    task: str
    model: str
    count: int
    max_usd: Decimal
    since: datetime
    until: datetime
    place: Place
    retries_lost: bool = False
    # The reasoning effort to ask for; empty: as the model does by itself.
    effort: str = ""
    # Also after the proof: beside many other tested swaps one proof is not enough.
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What the items will cost in US dollars; `is_measured` by replays of the same task and model."""

    low: Decimal
    likely: Decimal
    high: Decimal
    is_measured: bool


@dataclass(frozen=True, slots=True)
class ShadowPlan:
    """Everything a run would do, and why it would not do more."""

    wanted: Wanted
    stakes: Stakes
    drawn: Drawn
    items: tuple[Item, ...]
    inputs: Mapping[str, StoredInput]
    # Item id -> what of the customer's parameters it lacks.
    adapted: Mapping[str, tuple[str, ...]]
    known: Model | None
    past: Past
    replays: tuple[Replay, ...]
    decided: str
    expected: Expected
    # Whether every item says how long its answer may be, so that the cap cannot be exceeded at all.
    is_bounded: bool
    references: Mapping[str, str]
    # Replays that people have compared.
    reviewed: frozenset[str] = frozenset()

    @property
    def budget(self) -> Budget:
        """The cap, and what earlier runs have used of it."""
        return Budget(self.wanted.max_usd, self.past.used_usd)

    @property
    def largest_reserve(self) -> Decimal:
        """The most that one of the requests may cost."""
        return max((item.reserved_usd for item in self.items), default=Decimal(0))

    def sequential(self) -> Sequential:
        """The test as it stands after the replays there are."""
        run = Sequential(self.stakes, cap=CAP, traffic=self.drawn.traffic, reviewed=self.reviewed)
        for replay in self.replays:
            run.take(replay.pair)
        return run


def plan_shadow(reading: Reading, wanted: Wanted) -> ShadowPlan:
    """The plan; UsageError with the reason where nothing can be replayed."""
    stakes = STAKES[stated_today(reading).stakes.get(wanted.task, "standard")]
    if stakes.margin is None:
        raise UsageError(
            f"The stakes of {wanted.task} are critical: it is never moved, so there is nothing to replay for.",
            "Change [stakes] in llmwatch.toml if that is no longer so.",
        )
    today = datetime.now(UTC).date()
    book = PriceBook(reading.settings.prices, reading.settings.price_file, hosts=reading.settings.hosts)
    known = known_model(load_models(book, today), wanted.model)
    meter = _meter(reading.settings, wanted, book, known)
    _check_model(wanted, known, today)
    _check_effort(wanted, known)
    meter.row()
    past = past_of(reading.rows("replay_requests", task=wanted.task, model=wanted.model))
    replays = tuple(load_replays(reading, wanted.task, wanted.model, wanted.effort))
    past = replace(past, final=past.final - _of_other_efforts(reading, wanted))
    gone = past.final if wanted.retries_lost else past.final | set(past.lost)
    drawn = draw(
        reading, wanted.task, wanted.since, wanted.until, lambda _: wanted.count - len(past.final),
        skip=lambda span: _replay_id(span, wanted) in gone,
        longest=known.max_input_tokens if known else None,
    )  # fmt: skip
    _check_inputs(reading, wanted, drawn)
    drawn, usable = _possible(drawn, known, wanted.model)
    made = [_item(one, wanted, known, meter) for one in usable]
    sizes = [_size(one, item.body) for one, (item, _) in zip(usable, made, strict=True)]
    plan = ShadowPlan(
        wanted=wanted,
        stakes=stakes,
        drawn=drawn,
        items=tuple(item for item, _ in made),
        inputs={item.id: one for one, (item, _) in zip(usable, made, strict=True)},
        adapted={item.id: notes for item, notes in made},
        known=known,
        past=past,
        replays=replays,
        decided="",
        expected=_expected(replays, sizes, meter),
        is_bounded=all(meter.is_bounded(size) for size in sizes),
        references={row["span_id"]: row["reference"] for row in reading.rows("references", task=wanted.task)},
        reviewed=frozenset(load_audits(reading, wanted.task, wanted.model)),
    )
    decided = _decided(wanted, plan.sequential().reason)
    return _without_items(plan, decided) if decided else plan


def _decided(wanted: Wanted, reason: str) -> str:
    return "" if wanted.goes_on and reason == "proved" else reason


def _replay_id(span_id: str, wanted: Wanted) -> str:
    return digest(_KEY, span_id, wanted.model, *([wanted.effort] if wanted.effort else []))


def _of_other_efforts(reading: Reading, wanted: Wanted) -> set[str]:
    """The replays of the task on the model that were made with another effort: they answer another question."""
    found = (replay_from(row) for row in reading.rows("replayed", task=wanted.task, model=wanted.model))
    return {one.pair.id for one in found if one.effort != wanted.effort}


def _without_items(plan: ShadowPlan, decided: str) -> ShadowPlan:
    nothing = Expected(Decimal(0), Decimal(0), Decimal(0), is_measured=True)
    return replace(plan, decided=decided, items=(), expected=nothing)


def _meter(settings: Settings, wanted: Wanted, book: PriceBook, known: Model | None) -> Meter:
    place = wanted.place
    provider = provider_name("OpenAI", place.host, place.port, settings.hosts)
    return Meter(
        book, place, provider, wanted.model,
        reasons=known.reasons if known else None, most_output=known.max_output_tokens if known else None,
    )  # fmt: skip


def _check_model(wanted: Wanted, known: Model | None, today: date) -> None:
    stops = known.shutdown_on if known else shutdown_on(wanted.model)
    if stops is not None and stops <= today:
        raise UsageError(
            f"{wanted.model} stopped answering on {stops}.", "llmwatch downgrade lists the models a task could move to."
        )
    if known is not None and known.released_on is not None and known.released_on > today:
        raise UsageError(f"{wanted.model} is released on {known.released_on}.")


def _check_effort(wanted: Wanted, known: Model | None) -> None:
    if wanted.effort and known is not None and known.reasons is False:
        raise UsageError(f"{wanted.model} does not think before it answers, so it takes no --effort.")


def _check_inputs(reading: Reading, wanted: Wanted, drawn: Drawn) -> None:
    """A sentence where there is nothing to send and nothing was sent before."""
    if not drawn.calls:
        raise no_calls(reading, wanted.task, wanted.since)
    if not drawn.kept:
        mode = reading.settings.content
        why = "content = metadata keeps none" if mode == "metadata" else "none of them was sampled, or it has expired"
        days = reading.settings.content_days
        raise UsageError(
            f"No input of {wanted.task} is kept: of {drawn.calls:,} calls, {why} (content is kept for {days} days).",
            'Set content = "redacted" in llmwatch.toml and a rate in [sample_rates]; replay when some have come.',
        )
    if drawn.incumbent and _same_model(drawn.incumbent, wanted.model):
        raise UsageError(f"{wanted.task} runs on {drawn.incumbent} already.", "Name another model with --to.")
    if not drawn.usable:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in _largest(drawn.reasons))
        raise UsageError(f"None of the {drawn.calls:,} calls of {wanted.task} can be replayed: {reasons}.")


def _same_model(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}-20") or other.startswith(f"{one}-20")


def _largest(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))


def no_calls(reading: Reading, task: str, since: datetime) -> UsageError:
    """That a task has no call, with the nearest names."""
    names = [str(row["task"]) for row in reading.rows("tasks", since=since)]
    near = get_close_matches(task, names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "llmwatch tasks lists the tasks there are."
    return UsageError(f"There is no call of task {task!r} in this period.", hint)


def _possible(drawn: Drawn, known: Model | None, model: str) -> tuple[Drawn, list[StoredInput]]:
    """The inputs that the model can take by what the catalogue knows; a model that can take none is refused."""
    reasons: Counter[str] = Counter(drawn.reasons)
    usable: list[StoredInput] = []
    for one in drawn.inputs:
        lacking = _lacking(one, known)
        if lacking:
            reasons[f"{model} takes no {lacking}"] += 1
        else:
            usable.append(one)
    if drawn.inputs and not usable:
        what = ", ".join(sorted({_lacking(one, known) for one in drawn.inputs}))
        raise UsageError(
            f"{model} cannot do this task: it takes no {what}.", "llmwatch downgrade lists models that can."
        )
    return replace(drawn, reasons=dict(reasons), inputs=tuple(usable)), usable


def _lacking(one: StoredInput, known: Model | None) -> str:
    if known is None:
        return ""
    if one.has_media and known.input_modalities is not None and "image" not in known.input_modalities:
        return "images"
    if known.has_tools is False and (one.body.get("tools") or one.body.get("functions")):
        return "tools"
    if known.has_structured_output is False and "json_schema" in json.dumps(one.body.get("response_format") or {}):
        return "schema"
    return f"calls of {one.family}" if known.endpoints is not None and one.family not in known.endpoints else ""


def _item(one: StoredInput, wanted: Wanted, known: Model | None, meter: Meter) -> tuple[Item, tuple[str, ...]]:
    body, notes = adapted(one.family, one.body, wanted.model, known, meter.has_tier, wanted.effort)
    size = _size(one, body)
    item = Item(
        id=_replay_id(one.span_id, wanted),
        family=one.family,
        body=body,
        reserved_usd=meter.reserve(size),
        tokens=one.input_tokens + meter.output_limit(size),
        record={
            "span_id": one.span_id,
            "task_name": wanted.task,
            "model": wanted.model,
            "server_address": wanted.place.host,
        },
    )
    return item, notes


def _size(one: StoredInput, body: Mapping[str, Any]) -> Size:
    tier = str(body.get("service_tier") or "default")
    return Size(one.input_tokens, one.output_tokens, one.max_tokens, one.choices, tier)


def _expected(replays: Sequence[Replay], sizes: Sequence[Size], meter: Meter) -> Expected:
    """By the replays there are from ten on, else by prices and the lengths of the known answers."""
    costs = [float(replay.cost_usd) for replay in replays if replay.cost_usd is not None and replay.is_answered]
    n = len(sizes)
    if len(costs) >= 10:
        mean = sum(costs) / len(costs)
        spread = (sum((cost - mean) ** 2 for cost in costs) / (len(costs) - 1)) ** 0.5
        # Of the sum of n new ones, and of the mean they are judged by.
        error = 1.645 * spread * (n + n * n / len(costs)) ** 0.5
        low, likely, high = (Decimal(f"{x:.12f}") for x in (max(n * mean - error, 0), n * mean, n * mean + error))
        return Expected(low, likely, high, is_measured=True)
    each = [meter.expected(size) for size in sizes]
    low, likely, high = (sum((cost[i] for cost in each), Decimal(0)) for i in range(3))
    return Expected(low, likely, high, is_measured=False)


class Comparison:
    """Reads what came back: the record of a replay, and in the plan's order whether more would change the answer."""

    def __init__(self, plan: ShadowPlan, meter: Meter, keeper: Keeper) -> None:
        self._plan = plan
        self._meter = meter
        self._keeper = keeper
        # The test goes on from the replays there are.
        self.test = plan.sequential()

    def read(self, item: Item, result: Answered | Failure, retries: int) -> dict[str, Any]:
        """The record of an answer, or of an input that the model's side refuses for good."""
        one = self._plan.inputs[item.id]
        if isinstance(result, Failure):
            facts = self._facts(item, one, None, is_valid=False, is_cut=True)
            return {
                "state": "failed",
                "error": self._keeper.text(result.message),
                "cost_usd": Decimal(0),
                "retries": retries,
                "facts": json.dumps(facts),
            }
        usage = usage_of(item.family, result.body)
        given = read_given(item.family, item.body, result.body)
        kept = self._keeper.kept(output_of(item.family, result.body))
        # Compared as it is kept, for the other answer was redacted when it was kept.
        seen = read_given(item.family, item.body, body_of(item.family, loaded(kept), None)).answer if kept else None
        facts = self._facts(item, one, seen, is_valid=given.is_valid, is_cut=given.is_cut)
        facts["adapted"] = list(learned(self._plan.adapted[item.id], result.changed))
        return {
            "state": "answered",
            "response_model": usage["response_model"],
            **{name: usage.get(name) for name in _COUNTS},
            "usage_raw": usage["usage_raw"],
            "retries": retries,
            "latency_ms": round(result.latency_ms, 3),
            "time_to_first_token_ms": None if result.first_token_ms is None else round(result.first_token_ms, 3),
            "finish_reason": given.finish_reason,
            "output_messages": kept if self._keeper.is_kept else None,
            "cost_usd": self._meter.cost(usage, item.family),
            "facts": json.dumps(facts),
        }

    def _facts(
        self, item: Item, one: StoredInput, seen: Answer | None, *, is_valid: bool | None, is_cut: bool
    ) -> dict[str, Any]:
        known = read_given(one.family, item.body, one.answer).answer
        # An answer that will never come is lost against one that came.
        incumbent_valid = True if seen is None and is_valid is False and one.is_valid is None else one.is_valid
        return {
            "is_same": seen is not None and is_same_answer(known, seen),
            "incumbent_model": one.model,
            "incumbent_valid": incumbent_valid,
            "candidate_valid": is_valid,
            "incumbent_cut": one.is_cut,
            "candidate_cut": is_cut,
            "incumbent_hash": answer_hash(known),
            "candidate_hash": None if seen is None else answer_hash(seen),
            "incumbent_text_hash": text_hash(known.text),
            "candidate_text_hash": None if seen is None else text_hash(seen.text),
            "input_tokens": one.input_tokens,
            "incumbent_output_tokens": one.output_tokens,
            "incumbent_cost_usd": None if one.cost_usd is None else str(one.cost_usd),
            "incumbent_latency_ms": one.latency_ms,
            "incumbent_time_to_first_token_ms": one.first_token_ms,
            "is_step": one.is_step,
            "is_redacted": one.is_redacted,
            "adapted": list(self._plan.adapted[item.id]),
            "effort": self._plan.wanted.effort,
        }

    def decide(self, item: Item, record: Mapping[str, Any] | None) -> str:
        """The reason to stop, if there is one now."""
        if record is None:
            return ""
        one = self._plan.inputs[item.id]
        row = {"replay_id": item.id, "stratum": one.stratum, "reference": self._plan.references.get(one.span_id)}
        step = self.test.take(pair_from(row, json.loads(record["facts"])))
        return _decided(self._plan.wanted, step.reason) if step.is_over else ""


_COUNTS: Final = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def new_run(settings: Settings, plan: ShadowPlan, ask: Ask, ledger: Ledger) -> Run:
    """A run of the plan, ready to be executed."""
    book = PriceBook(settings.prices, settings.price_file, hosts=settings.hosts)
    comparison = Comparison(plan, _meter(settings, plan.wanted, book, plan.known), Keeper(settings))
    return Run(plan.items, plan.budget, ledger, ask, comparison.read, comparison.decide)
