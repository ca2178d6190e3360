"""Owns the report on downgrade candidates: the table, a paragraph and a change per verdict, and the weekly section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ..pasted import command
from .candidates import Excluded
from .change import change, without_thinking
from .downgrade import Kind
from .downgrade_wording import HEADINGS
from .option import Option, defensible_usd
from .option_wording import CAUSES, Step, hindrance_words, next_step, sentence, swap_of
from .report import (
    DATA_RANK,
    Cell,
    Column,
    Moment,
    Note,
    Number,
    Report,
    Row,
    Section,
    Table,
    Text,
    Unknown,
    count,
    money_text,
    usd,
    utc,
)
from .spend import Period
from .traffic import Use

_WORDS: Final[Mapping[Kind, str]] = {
    "move": "move",
    "promising": "promising",
    "keep": "keep",
    "cannot_tell": "cannot tell yet",
}
# Less than this does not show in a margin.
_LEAST_POINTS: Final = Decimal("0.1")
# Models that were never replayed are told in words up to this many; they differ in little but their names.
_UNTESTED_IN_WORDS: Final = 3
# Ended tasks that one note names.
_NAMED: Final = 5
_NOT_MEASURED: Final = "no stored request has been replayed"
_NO_REVENUE: Final = "no revenue is known for this period"


@dataclass(frozen=True, slots=True)
class Downgrades:
    """Everything the answer is made from; money is US dollars a month."""

    period: Period
    months: Decimal
    # Ranked: moves, promising, open, kept; by margin gained within each.
    options: tuple[Option, ...]
    # Tasks that were looked at: all of the period, or the one asked for.
    tasks_looked_at: int
    excluded: tuple[Excluded, ...]
    # Every task of the period, whether asked for or not.
    tasks: tuple[str, ...]
    spend_month_usd: Decimal | None
    revenue_month_usd: Decimal | None
    # Tasks (on a model each) that no verdict is on: nothing cheaper was offered, or their savings are smaller.
    unjudged: int = 0
    # Tasks (on a model each) that ended or moved inside the period: no candidates.
    ended: tuple[Use, ...] = ()
    hindrances: tuple[str, ...] = ()

    @property
    def defensible_usd(self) -> Decimal:
        """What the measured moves save together."""
        return defensible_usd(self.options)


_COLUMNS: Final = (
    Column("task", "task", is_number=False),
    Column("model", "on", is_number=False),
    Column("candidate", "to", is_number=False),
    Column("verdict", "verdict", is_number=False),
    Column("spend_month_usd", "spend a month", rank=1),
    Column("saving_month_usd", "saves a month"),
    Column("saving_low_usd", "at least", rank=2),
    Column("saving_high_usd", "at most", rank=3),
    Column("margin_points", "of revenue", rank=2),
    Column("replays", "replays", rank=1),
    Column("audits", "reviewed", rank=3),
    Column("at_most_worse", "worse at most", rank=1),
    Column("allowed", "allowed", rank=2),
    Column("next_usd", "to decide", rank=1),
    *(
        Column(key, key.replace("_", " "), rank=DATA_RANK, is_number=is_number)
        for key, is_number in (
            ("reported_model", False),
            ("reason", False), ("stakes", False), ("same", True), ("better", True), ("worse", True), ("unscored", True),
            ("difference", True), ("difference_low", True), ("difference_high", True), ("log_evidence", True),
            ("naive_saving_usd", True), ("estimated_saving_usd", True), ("cost_ratio", True), ("calls_month", True),
            ("latency_p50_ratio", True), ("latency_p95_ratio", True), ("first_token_p50_ratio", True),
            ("first_token_p95_ratio", True), ("test_usd", True), ("retries", True), ("fallback_share", True),
            ("net_usd", True), ("sent_back_share", True), ("saving_with_fallback_usd", True),
            ("shutdown_on", False), ("excluded", False), ("exclusions", False), ("guards", False), ("unknown", False),
            ("is_step_of_agent", False), ("more", True), ("next_step", False), ("change", False), ("sentence", False),
            *((f"{cause}_usd", True) for cause in CAUSES),
        )
    ),
)  # fmt: skip


def downgrade_report(found: Downgrades, top: int) -> Report:
    """Every listed verdict with its numbers, its words, the change to make, and what would settle it."""
    listed = found.options[:top]
    facts: tuple[tuple[str, Cell], ...] = (
        ("since", Moment(utc(found.period.since))),
        ("until", Moment(utc(found.period.until))),
        ("months", Number(found.months, "plain")),
        ("tasks", count(found.tasks_looked_at)),
        ("defensible_month_usd", dollars(found.defensible_usd, "")),
        ("spend_month_usd", dollars(found.spend_month_usd, "no call has a price")),
        ("revenue_month_usd", dollars(found.revenue_month_usd, _NO_REVENUE)),
    )
    title = (
        f"downgrade candidates, {found.period.since:%Y-%m-%d %H:%M} to {found.period.until:%Y-%m-%d %H:%M} UTC, "
        "in dollars a month"
    )
    if not listed:
        return Report("downgrade", title, facts, sections=(_nothing(found),), main_table="downgrade")
    table = Table("downgrade", "task", _COLUMNS, tuple(_row(one) for one in listed))
    notes = [*(Note(text) for text in found.hindrances), *_dates(found, listed)]
    if len(found.options) > len(listed):
        rest = len(found.options) - len(listed)
        notes.append(
            Note(
                f"{rest:,} more verdicts are not listed.",
                "To see them:",
                command("downgrade", top=len(found.options)),
            )
        )
    sections = [
        Section("downgrade", "", (table,), tuple(notes)),
        Section("verdicts", "VERDICTS", notes=_verdict_notes(listed, found.options)),
    ]
    if found.excluded:
        sections.append(_excluded_section(found))
    return Report("downgrade", title, facts, (total_words(found),), tuple(sections), main_table="downgrade")


def _nothing(found: Downgrades) -> Section:
    if not found.tasks:
        text = "No chat call of this period is in the store, so there is nothing to move."
    else:
        text = "No model of the catalogue is cheaper and can take these tasks."
    notes = (
        *(Note(hindrance) for hindrance in found.hindrances),
        *_dates(found, ()),
        Note(text, "To ask for longer:", "llmwatch downgrade --since 90d"),
    )
    return Section("downgrade", "", notes=notes)


def _dates(found: Downgrades, listed: Sequence[Option]) -> list[Note]:
    """What a month is made from where that is not the whole period, and what is no candidate since it ended."""
    notes: list[Note] = []
    late = dict.fromkeys((one.use.task, one.use.incumbent, one.use.days) for one in listed if one.use.days is not None)
    for task, model, days in late:
        text = f"`{task}` on {model} began inside the period: its dollars a month are made from {days:,} "
        notes.append(Note(f"{text}{'day' if days == 1 else 'days'}."))
    if found.ended:
        named = [f"`{use.task}` on {use.incumbent} (last call {use.ended_at:%Y-%m-%d})" for use in found.ended[:_NAMED]]
        more = f" and {len(found.ended) - _NAMED:,} more" if len(found.ended) > _NAMED else ""
        notes.append(Note(f"No candidates, since they ended or moved to another model: {', '.join(named)}{more}."))
    return notes


def total_words(found: Downgrades) -> str:
    """What can be defended today, and its effect on the margin."""
    moves = [one for one in found.options if one.verdict.is_move]
    if not moves:
        return "Defensible today: $0 a month, for no move is measured and proved yet. Below is what would decide."
    saved = found.defensible_usd
    word = "move" if len(moves) == 1 else "moves"
    text = f"Defensible today: {money_text(saved)} a month from {len(moves)} measured {word}"
    points = 100 * saved / found.revenue_month_usd if found.revenue_month_usd else Decimal(0)
    if points >= _LEAST_POINTS:
        text += f", which adds {points:.1f} points to the margin"
    return f"{text}. An estimate from your own traffic, not a promise."


def _verdict_notes(listed: Sequence[Option], options: Sequence[Option]) -> tuple[Note, ...]:
    """Every verdict in words, and of the models that were never replayed the best few."""
    untested = [one for one in listed if one.verdict.reason == "untested"]
    silent = untested[_UNTESTED_IN_WORDS:]
    last = _last_kept(listed)
    notes = [
        note
        for one in listed
        if one not in silent
        for note in (*_notes(one), *(_next_model(one, options) if one in last else ()))
    ]
    if silent:
        step = next_step(silent[0])
        notes.append(
            Note(
                f"{len(silent):,} more were never replayed; the table has what is known of them.",
                "What a replay would cost and decide, without sending anything, for each as for the first:",
                step.command,
            )
        )
    return tuple(notes)


def _last_kept(listed: Sequence[Option]) -> list[Option]:
    """Of each task (on a model) the last verdict that says to stay, the task not being moved otherwise."""
    moves = {_subject(one) for one in listed if one.verdict.is_move}
    return list(
        {_subject(one): one for one in listed if one.verdict.kind == "keep" and _subject(one) not in moves}.values()
    )


def _subject(one: Option) -> tuple[str, str]:
    return one.use.task, one.use.incumbent


def _next_model(one: Option, options: Sequence[Option]) -> tuple[Note, ...]:
    """Which model to try after one that is not good enough or does not pay."""
    if one.verdict.reason == "critical":
        return ()
    of_task = [each for each in options if _subject(each) == _subject(one)]
    for each in of_task:
        if each.verdict.kind in ("promising", "cannot_tell") and (step := next_step(each)).command:
            return (
                Note(f"Next to try for `{one.use.task}`: {each.model.name}{_worth(each)}.", step.words, step.command),
            )
    return (Note(f"No other cheaper model is known that can take `{one.use.task}`."),)


def _worth(one: Option) -> str:
    saving = one.best_saving_usd
    return "" if saving is None else f", worth about {money_text(saving)} a month"


def _notes(one: Option) -> tuple[Note, ...]:
    step = next_step(one)
    text = sentence(one)
    if one.verdict.kind == "move":
        return (Note(text, "Change:", "\n".join(change(one))),)
    if one.verdict.kind == "keep":
        measure = without_thinking(one) if one.verdict.reason == "dearer" else ""
        return (
            (Note(text, "It may pay without its hidden reasoning. What that would cost to learn:", measure),)
            if measure
            else (Note(text),)
        )
    notes = [Note(text, step.words, step.command)]
    if one.verdict.kind == "promising" or one.verdict.replays:
        notes.append(Note("", "If it is decided for the move:", "\n".join(change(one))))
    return tuple(notes)


def _excluded_section(found: Downgrades) -> Section:
    columns = (
        Column("model", "model", is_number=False),
        Column("why", "why", is_number=False, can_wrap=True),
        Column("on", "on", rank=DATA_RANK, is_number=False),
        Column("naive_month_usd", "would cost a month", rank=1),
    )
    rows: list[Row] = []
    for one in found.excluded:
        cost = None if one.cost is None else one.cost.naive_usd / found.months
        cells: tuple[Cell, ...] = (
            Text(one.model.name),
            Text(hindrance_words(one)),
            Text(str(one.on)) if one.on else Unknown("no date announced"),
            dollars(cost, "no price for these calls"),
        )
        rows.append(Row(one.model.name, cells))
    title = "NO CANDIDATES, and why (cost at the incumbent's own token counts)"
    return Section("excluded", title, (Table("excluded", "model", columns, tuple(rows)),))


def _row(one: Option) -> Row:
    verdict, saving = one.verdict, one.saving
    has_pairs = verdict.replays > 0
    step = next_step(one)
    shown: tuple[Cell, ...] = (
        Text(one.use.task),
        Text(one.use.incumbent),
        Text(one.model.name),
        Text(_WORDS[verdict.kind], "good" if verdict.kind == "move" else ""),
        dollars(one.use.spend_month_usd, "no call has a price"),
        _saving_cell(one),
        dollars(None if saving is None else saving.low_usd, _NOT_MEASURED),
        dollars(None if saving is None else saving.high_usd, _NOT_MEASURED),
        Unknown(_NO_REVENUE) if one.margin_points is None else Number(one.margin_points, "share"),
        count(verdict.replays),
        count(verdict.audits),
        _share(verdict.at_most_worse) if has_pairs else Unknown(_NOT_MEASURED),
        Unknown("stakes are critical") if verdict.stakes.margin is None else _share(verdict.stakes.margin),
        dollars(step.cost_usd, "nothing is open" if not step.command else "its price is not known"),
    )
    return Row(f"{one.use.task}/{one.use.incumbent}/{one.model.name}", (*shown, *_data_cells(one, step)))


def _saving_cell(one: Option) -> Cell:
    if one.saving is not None:
        return Number(one.saving.middle_usd, "usd")
    estimate = one.estimated_saving_usd
    if estimate is None:
        return Unknown(f"not known before a replay: {', '.join(one.unknown)}" if one.unknown else "no price")
    return Number(estimate, "usd", "estimated, not measured")


def _data_cells(one: Option, step: Step) -> tuple[Cell, ...]:
    verdict, trial, cascade = one.verdict, one.trial, one.cascade
    speed = None if trial is None else trial.speed
    first = None if trial is None else trial.first_token_speed
    causes = {part.cause: part.usd for part in one.parts}
    seen = verdict.replays > 0
    return (
        Text(one.use.reported),
        Text(verdict.reason),
        Text(verdict.stakes.name),
        count(verdict.same),
        count(verdict.better),
        count(verdict.worse),
        count(verdict.unscored),
        _real(verdict.difference if seen else None, _NOT_MEASURED),
        _real(verdict.interval[0] if seen else None, _NOT_MEASURED),
        _real(verdict.interval[1] if seen else None, _NOT_MEASURED),
        _real(verdict.log_evidence if seen else None, _NOT_MEASURED),
        dollars(one.naive_saving_usd, "no price for these calls"),
        dollars(one.estimated_saving_usd, "not known before a replay"),
        _real(None if one.saving is None else one.saving.cost_ratio, _NOT_MEASURED),
        count(one.use.calls_month),
        *(
            _real(value, "no timed replay")
            for value in (
                None if speed is None else speed.p50_ratio,
                None if speed is None else speed.p95_ratio,
                None if first is None else first.p50_ratio,
                None if first is None else first.p95_ratio,
            )
        ),
        dollars(None if trial is None else trial.test_usd, _NOT_MEASURED),
        count(0 if trial is None else trial.retries),
        _real(None if trial is None else trial.fallback_share, _NOT_MEASURED),
        dollars(
            one.net_usd, "bad_answer_usd is not set for this task" if one.bad_answer_usd is None else _NOT_MEASURED
        ),
        _real(None if cascade is None else cascade[0], "nothing was checked"),
        dollars(None if cascade is None else cascade[1], "nothing was checked"),
        Text(str(one.model.shutdown_on)) if one.model.shutdown_on else Unknown("no date announced"),
        Text(hindrance_words(one.excluded)),
        Text("; ".join(f"{e.stratum} ({e.why}, {e.replays} replays)" for e in verdict.exclusions)),
        Text("; ".join(f"{g.what} {g.incumbent_share:.4f} to {g.candidate_share:.4f}" for g in verdict.guards)),
        Text("; ".join(one.unknown)),
        Text("yes" if swap_of(one).is_step_of_agent else "no"),
        count(0 if verdict.decider is None else verdict.decider.count),
        Text(step.command),
        Text("\n".join(change(one))),
        Text(sentence(one)),
        *(dollars(causes.get(cause, Decimal(0)), "") for cause in CAUSES),
    )


def _share(value: float) -> Number:
    return Number(Decimal(f"{value:.6f}"), "share")


def _real(value: float | None, reason: str) -> Number | Unknown:
    return Unknown(reason) if value is None else Number(Decimal(f"{value:.6f}"), "plain")


def downgrade_section(found: Downgrades, top: int = 5) -> Section:
    """The weekly report's part: moves with dollars first, what stays if it was tested, one line per open question."""
    tested = [one for one in found.options if one.verdict.replays or one.verdict.is_move]
    asked = [one for one in found.options if one.verdict.kind in ("promising", "cannot_tell")]
    listed = [one for one in found.options if one in tested or one in asked[:top]]
    if not listed:
        return Section("downgrade", "SWAPS", notes=_nothing(found).notes)
    columns = tuple(column for column in _COLUMNS)
    table = Table("downgrade", "task", columns, tuple(_row(one) for one in listed))
    notes = [Note(total_words(found)), *_dates(found, listed)]
    notes += [Note(sentence(one), "Change:", change(one)[0]) for one in listed if one.verdict.is_move]
    last = _last_kept(tested)
    for one in tested:
        if one.verdict.kind == "keep":
            notes += [Note(sentence(one)), *(_next_model(one, found.options) if one in last else ())]
    told = {_subject(one) for one in last}
    notes += [note for one in asked[:top] if _subject(one) not in told and (note := _question(one)) is not None]
    if len(asked) > top:
        notes.append(Note(f"{len(asked) - top:,} more open questions.", "All of them:", "llmwatch downgrade"))
    title = "SWAPS TO CHEAPER MODELS, dollars a month (models that stop within 180 days are no candidates)"
    return Section("downgrade", title, (table,), tuple(notes))


def _question(one: Option) -> Note | None:
    step = next_step(one)
    if not step.command:
        return None
    price = "" if not step.cost_usd else f" About {money_text(step.cost_usd)} at most."
    heading = HEADINGS[one.verdict.kind]
    return Note(f"{heading} {one.use.task} to {one.model.name}{_worth(one)}.{price}", step.words, step.command)


def dollars(value: Decimal | None, reason: str) -> Number | Unknown:
    """Dollars to a billionth, which is finer than any price, or Unknown for the stated reason."""
    return usd(None if value is None else round(value, 9), reason)
