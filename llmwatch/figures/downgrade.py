"""Owns how the verdicts on tasks and cheaper models are asked for, and what of them is kept for dashboards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from ..analysis.activity import activities, together
from ..analysis.candidates import Excluded, Picked, alive, best_candidate, hindrance, pick_candidates
from ..analysis.change import change
from ..analysis.counterfactual import naive_bill
from ..analysis.downgrade import STAKES
from ..analysis.downgrade_report import Downgrades
from ..analysis.option import Option, Setting, guarded, option, ranked
from ..analysis.option_wording import next_step, sentence
from ..analysis.replacement import Replacement
from ..analysis.spend import Period
from ..analysis.traffic import MONTH_DAYS, Catalogue, Use, uses
from ..analysis.trial import Counts, Trial
from ..prices.models import Model, load_models, replacement_of, shutdown_on
from ..settings import Settings
from ..store.catalogue import prices_for
from ..store.task_edits import load_edits
from .reading import Reading
from .replays import Replay, load_replays
from .stated import stated_today

_DAY = timedelta(days=1)


def load_downgrade(
    reading: Reading, asked: Period, *, task: str = "", to: str = "", top: int | None = None
) -> Downgrades:
    """Every task's replayed models with their verdicts, and where none was, the best model that could be.

    With `task` that one and all its candidates; with `to` that model only, whatever stands against it. With `top`
    no more than is needed to name so many of the largest savings: a task cannot save more than it costs.
    """
    replayed = reading.rows("replayed_tasks")
    models = {str(row["model"]) for row in replayed} | ({to} if to else set())
    catalogue = catalogue_of(reading, asked, models)
    months = months_of(reading, asked)
    revenue = reading.rows("downgrade_revenue", since=asked.since, until=asked.until)[0]["revenue_usd"]
    found = load_uses(reading, asked, catalogue, months)
    known_tasks = tuple(dict.fromkeys(use.task for use in found))
    found = [use for use in found if not task or use.task == task]
    # What has ended, or moved away, saves nothing by moving.
    ended = tuple(use for use in found if use.ended_at is not None)
    found = [use for use in found if use.ended_at is None]
    trials = _trials(
        reading,
        asked,
        found,
        [row for row in replayed if not task or row["task"] == task],
        catalogue("default", False, ""),
    )
    per_month = None if revenue is None else revenue / _months(asked.length)
    judge = _Judge(reading, asked, catalogue, trials, stated_today(reading), per_month)
    options = [one for use in found for one in judge.tested(use)] if not to else []
    options += judge.untested(found, options, to=to, is_every=bool(task), top=top)
    return Downgrades(
        period=asked,
        months=months,
        options=tuple(ranked(guarded(options))),
        tasks_looked_at=len({use.task for use in found}),
        excluded=_excluded(found, catalogue, asked) if task and not to else (),
        tasks=known_tasks,
        ended=ended,
        unjudged=len({(use.task, use.incumbent) for use in found} - {(o.use.task, o.use.incumbent) for o in options}),
        spend_month_usd=_known_sum([use.spend_month_usd for use in found]),
        revenue_month_usd=per_month,
        hindrances=reading.hindrances,
    )


def load_option(
    reading: Reading, asked: Period, task: str, to: str, tier: str = ""
) -> tuple[Option | None, tuple[str, ...]]:
    """(the swap of the task's dearest model for `to`, every task of the period); at `tier` if one is named."""
    catalogue = catalogue_of(reading, asked, {to})
    months = months_of(reading, asked)
    found = load_uses(reading, asked, catalogue, months)
    tasks = tuple(dict.fromkeys(use.task for use in found))
    mine = sorted((use for use in found if use.task == task), key=lambda use: use.ended_at is not None)
    use = next((use for use in mine if not use.current.is_named(to)), mine[0] if mine else None)
    if use is None:
        return None, tasks
    replayed = [row for row in reading.rows("replayed_tasks") if row["task"] == task]
    trials = _trials(reading, asked, [use], replayed, catalogue("default", False, ""))
    judge = _Judge(reading, asked, catalogue, trials, stated_today(reading))
    if tier:
        use = _at_tier(reading, asked, use, catalogue, tier)
    return judge.option(use, judge.model(to)), tasks


def load_replacements(reading: Reading, asked: Period) -> list[Replacement]:
    """Every task on a model that stops, with the model that OpenAI recommends and the one that its own calls speak for.

    The latter: what replays allow to move to, else the cheapest that can take the task.
    """
    catalogue = catalogue_of(reading, asked, set())
    found = [use for use in load_uses(reading, asked, catalogue, months_of(reading, asked)) if use.ended_at is None]
    ending = [use for use in found if _ends(use) is not None]
    replayed = [row for row in reading.rows("replayed_tasks") if row["task"] in {use.task for use in ending}]
    trials = _trials(reading, asked, ending, replayed, catalogue("default", False, ""))
    judge = _Judge(reading, asked, catalogue, trials, stated_today(reading))
    return [judge.replacement(use, on) for use in ending if (on := _ends(use)) is not None]


def _ends(use: Use) -> date | None:
    return use.current.shutdown_on or shutdown_on(use.reported)


def _at_tier(reading: Reading, asked: Period, use: Use, catalogue: Catalogue, tier: str) -> Use:
    """The same calls, the candidate's prices those of another tier at the same hosts."""
    rows = reading.rows("downgrade_traffic", since=asked.since, until=asked.until)
    hosts = [row["server_address"] for row in rows if row["task_name"] == use.task and row["cost_usd"] is not None]
    word = "default" if tier == "batch" else tier
    at = catalogue(word, tier == "batch", hosts[0] if hosts else "")
    slices = tuple(replace(each, models=at) for each in use.slices)
    return replace(use, slices=slices, needs=replace(use.needs, tiers=frozenset({tier})))


def _known_sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def catalogue_of(reading: Reading, asked: Period, extra: set[str]) -> Catalogue:
    """The catalogue at the prices of the period's end, own prices included, once per way of being billed."""
    day = last_day(asked)
    book = prices_for(reading.con, reading.settings, day)

    @cache
    def at(tier: str, is_batch: bool, host: str) -> Mapping[str, Model]:
        models = load_models(book, day, service_tier=tier, is_batch=is_batch, server_address=host, extra=extra)
        return {model.name: model for model in models}

    return at


def months_of(reading: Reading, asked: Period) -> Decimal:
    """The months that the period covers, from the first call of the store at the earliest and a day at least."""
    first: datetime | None = reading.rows("coverage")[0]["first_call_at"]
    since = asked.since if first is None else max(asked.since, first)
    return _months(asked.until - since)


def _months(span: timedelta) -> Decimal:
    span = max(span, _DAY)
    return Decimal(span // timedelta(microseconds=1)) / Decimal(_DAY // timedelta(microseconds=1)) / MONTH_DAYS


def load_uses(reading: Reading, asked: Period, catalogue: Catalogue, months: Decimal) -> list[Use]:
    """Every task with every model that takes a part of it worth naming, the dearest first."""
    period = {"since": asked.since, "until": asked.until}
    found = uses(reading.rows("downgrade_traffic", **period), catalogue, months)
    found = _dated(reading, asked, found)
    # To look through the tags takes as long as a tenth of the rest, and few stores have an edit.
    if not load_edits(reading.con):
        return found
    tags = {row["task_name"]: tuple(row["tags"]) for row in reading.rows("task_tags", **period)}
    return [replace(use, tags=tags.get(use.task, ())) for use in found]


def _dated(reading: Reading, asked: Period, found: Sequence[Use]) -> list[Use]:
    """The same, with the days that each ran where they are fewer than those of the period, and its end."""
    ran = activities(reading.rows("task_activity", since=asked.since, until=asked.until))
    first: datetime = reading.rows("coverage")[0]["first_call_at"] or asked.since
    dated: list[Use] = []
    for use in found:
        mine = together([ran[key] for key in ((use.task, name) for name in sorted(use.names)) if key in ran])
        days = None if mine is None else mine.days(asked, first)
        months = use.months if days is None else _months(days * _DAY)
        ended_at = mine.last_at if mine is not None and mine.is_over(asked) else None
        dated.append(replace(use, days=days, months=months, ended_at=ended_at))
    return dated


@dataclass(frozen=True, slots=True)
class _Judge:
    """Makes options of the uses of one period."""

    reading: Reading
    asked: Period
    catalogue: Catalogue
    trials: Mapping[tuple[str, str, str], Trial]
    # With what they state of tasks by the names of today.
    settings: Settings
    revenue_month_usd: Decimal | None = None

    def tested(self, use: Use) -> list[Option]:
        """Every model that inputs of the task were replayed on."""
        mine = (use.task, use.current.name)
        return [self.option(use, self.model(name)) for *of, name in self.trials if tuple(of) == mine]

    def untested(
        self, found: Sequence[Use], tested: Sequence[Option], *, to: str, is_every: bool, top: int | None
    ) -> list[Option]:
        """`to` for every use, or all candidates, or the best one left where none that was tested can take the task."""
        options: list[Option] = []
        savings: list[Decimal] = []
        alive_now = alive(self.catalogue("default", False, "").values(), self.day)
        stays = {(one.use.task, one.use.incumbent, one.model.name) for one in tested if one.verdict.kind == "keep"}
        for use in found:
            spend = use.spend_month_usd
            # The uses left cost less than so many already save.
            if top is not None and len(savings) >= top and (spend or 0) <= sorted(savings)[-top]:
                break
            names = {name for task, old, name in self.trials if (task, old) == (use.task, use.current.name)}
            open_to = {name for name in names if (use.task, use.incumbent, name) not in stays}
            if to:
                models = [] if use.current.is_named(to) and not is_every else [self.model(to)]
            elif is_every:
                models = [model for model in candidates_of(use, self.catalogue, self.asked) if model.name not in names]
            else:
                models = [] if open_to else self._best(use, [m for m in alive_now if m.name not in names])
            made = [self.option(use, model) for model in models]
            savings += [one.best_saving_usd or Decimal(0) for one in made]
            options += made
        return options

    def _best(self, use: Use, models: Sequence[Model]) -> list[Model]:
        best = best_candidate(use.slices, models, use.current, use.needs, self.day)
        return [] if best is None else [best]

    def replacement(self, use: Use, on: date) -> Replacement:
        """What the task could run on when its model has stopped."""
        recommended = replacement_of(use.incumbent) or replacement_of(use.reported)
        moves = [one for one in ranked(self.tested(use)) if one.verdict.is_move]
        able = [
            model
            for model in alive(self.catalogue("default", False, "").values(), self.day)
            if hindrance(model, use.current, use.needs, self.day) is None
        ]
        cheapest = min(able, key=lambda model: (naive_bill(use.slices, model), model.name), default=None)
        best = next(iter(self._best(use, able)), cheapest)
        return Replacement(
            use=use,
            on=on,
            recommended=self.option(use, self.model(recommended)) if recommended else None,
            chosen=moves[0] if moves else None if best is None else self.option(use, best),
        )

    def option(self, use: Use, model: Model) -> Option:
        """The verdict on one swap."""
        setting = _setting(self.settings, use, self.day, self.revenue_month_usd)
        return option(use, model, self.trials.get((use.task, use.current.name, model.name)), setting)

    def model(self, name: str) -> Model:
        """The model of that name; one that the catalogue does not know has a name and nothing else."""
        models = self.catalogue("default", False, "")
        return next((m for m in models.values() if m.is_named(name)), Model(name))

    @property
    def day(self) -> date:
        """The last day of the period."""
        return last_day(self.asked)


def last_day(asked: Period) -> date:
    """The last day that the period touches: the day its answer is for."""
    return (asked.until - timedelta(microseconds=1)).date()


def _setting(settings: Settings, use: Use, day: date, revenue_month: Decimal | None) -> Setting:
    bad = settings.bad_answer_usd.get(use.task)
    return Setting(
        stakes=STAKES[settings.stakes.get(use.task, "standard")],
        as_of=day,
        bad_answer_usd=None if bad is None else Decimal(repr(bad)),
        revenue_usd=revenue_month,
    )


def candidates_of(use: Use, catalogue: Catalogue, asked: Period) -> list[Model]:
    """The models that could take the task, by margin gained, the most first."""
    return [c.model for c in _picked(use, catalogue, asked).candidates]


def _picked(use: Use, catalogue: Catalogue, asked: Period) -> Picked:
    models = list(catalogue("default", False, "").values())
    return pick_candidates(models, use.current.name, use.needs, use.slices, last_day(asked))


def _excluded(found: Sequence[Use], catalogue: Catalogue, asked: Period) -> tuple[Excluded, ...]:
    return _picked(found[0], catalogue, asked).excluded if found else ()


def _trials(
    reading: Reading,
    asked: Period,
    found: Sequence[Use],
    replayed: Sequence[Mapping[str, Any]],
    known: Mapping[str, Model],
) -> dict[tuple[str, str, str], Trial]:
    """What was replayed, by task, incumbent and candidate, each model by its name in the catalogue."""
    if not replayed:
        return {}
    audits = _audits(reading)
    strata = _strata(reading, asked, sorted({str(row["task"]) for row in replayed}))
    trials: dict[tuple[str, str, str], Trial] = {}
    # A dated name is the same model: its replays are one trial.
    names: dict[tuple[str, str], list[str]] = {}
    for row in replayed:
        model = str(row["model"])
        canonical = next((m.name for m in known.values() if m.is_named(model)), model)
        names.setdefault((str(row["task"]), canonical), []).append(model)
    for (task, model), spelled in names.items():
        replays = sorted((one for name in spelled for one in load_replays(reading, task, name)), key=_moment)
        for use in found:
            mine = [one for one in replays if _is_of(one, use)] if use.task == task else []
            if mine:
                trials[(task, use.current.name, model)] = trial_of(model, mine, audits, strata.get(task))
    return trials


def _moment(one: Replay) -> tuple[datetime, str]:
    return one.sent_at, one.pair.id


def _is_of(one: Replay, use: Use) -> bool:
    return not one.incumbent_model or use.current.is_named(one.incumbent_model) or one.incumbent_model == use.reported


def _audits(reading: Reading) -> dict[str, float]:
    rows = reading.rows("pair_audits", task=None, model=None)
    return {str(row["replay_id"]): float(row["difference"]) for row in rows}


def _strata(
    reading: Reading, asked: Period, tasks: Sequence[str]
) -> dict[str, tuple[dict[str, float], dict[str, Decimal]]]:
    """Task -> (share of its calls, spend) by stratum."""
    calls: dict[str, dict[str, int]] = {}
    spend: dict[str, dict[str, Decimal]] = {}
    for row in reading.rows("downgrade_strata", since=asked.since, until=asked.until, names=list(tasks)):
        task, stratum = str(row["task"]), str(row["stratum"])
        calls.setdefault(task, {})[stratum] = int(row["calls"])
        spend.setdefault(task, {})[stratum] = row["cost_usd"]
    return {task: ({s: n / sum(of.values()) for s, n in of.items()}, spend[task]) for task, of in calls.items()}


def trial_of(
    model: str,
    replays: Sequence[Replay],
    audits: Mapping[str, float],
    strata: tuple[Mapping[str, float], Mapping[str, Decimal]] | None,
) -> Trial:
    """What these replays showed; replays whose cost nobody knows leave the cost of the test unknown."""
    costs = [one.cost_usd for one in replays if one.is_answered]
    ids = {one.pair.id for one in replays}
    return Trial(
        model=model,
        pairs=tuple(one.pair for one in replays),
        counts=tuple(_counts(one) for one in replays),
        latencies=tuple(
            (one.incumbent_latency_ms, one.latency_ms)
            for one in replays
            if one.incumbent_latency_ms is not None and one.latency_ms is not None
        ),
        first_tokens=tuple(
            (one.incumbent_time_to_first_token_ms, one.time_to_first_token_ms)
            for one in replays
            if one.incumbent_time_to_first_token_ms is not None and one.time_to_first_token_ms is not None
        ),
        audits={name: difference for name, difference in audits.items() if name in ids},
        test_usd=None if None in costs else sum((c for c in costs if c is not None), Decimal(0)),
        adapted=tuple(dict.fromkeys(note for one in replays for note in one.adapted)),
        is_agent_step=any(one.is_step for one in replays),
        traffic=None if strata is None else strata[0],
        spend=None if strata is None else strata[1],
        retries=sum(one.retries for one in replays),
    )


def _counts(one: Replay) -> Counts:
    return Counts(
        old_input=one.pair.input_tokens,
        old_output=one.incumbent_output_tokens,
        new_input=one.input_tokens,
        new_output=one.output_tokens,
        new_reasoning=one.reasoning_tokens or 0,
        is_answered=one.is_answered,
    )


def keep_downgrade(con: Any, found: Downgrades) -> None:
    """The table `downgrade` holds these verdicts and no older ones; `con` is open for writing."""
    con.execute("begin")
    try:
        con.execute("delete from downgrade")
        for one in found.options:
            row = _kept_row(one, found.period.until)
            marks = ", ".join(f"${name}" for name in row)
            con.execute(f"insert into downgrade ({', '.join(row)}) values ({marks})", row)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _kept_row(one: Option, decided_at: datetime) -> dict[str, Any]:
    verdict, saving = one.verdict, one.saving
    speed = None if one.trial is None else one.trial.speed
    step = next_step(one)
    has_pairs = verdict.replays > 0
    return {
        "task_name": one.use.task,
        "model": one.use.reported,
        "candidate_model": one.model.name,
        "decided_at": decided_at,
        "verdict": verdict.kind,
        "reason": verdict.reason,
        "replays": verdict.replays,
        "audits": verdict.audits,
        "difference": verdict.difference if has_pairs else None,
        "difference_low": verdict.interval[0] if has_pairs else None,
        "difference_high": verdict.interval[1] if has_pairs else None,
        "margin": verdict.stakes.margin,
        "spend_month_usd": one.use.spend_month_usd,
        "saving_month_usd": None if saving is None else saving.middle_usd,
        "saving_low_usd": None if saving is None else saving.low_usd,
        "saving_high_usd": None if saving is None else saving.high_usd,
        "naive_saving_usd": one.naive_saving_usd,
        "estimated_saving_usd": one.estimated_saving_usd,
        "margin_points": one.margin_points,
        "latency_ratio": None if speed is None else speed.p50_ratio,
        "sentence": sentence(one),
        "change": "\n".join(change(one)),
        "next_step": step.command,
        "next_usd": step.cost_usd,
        "candidate_shutdown_on": one.model.shutdown_on,
    }
