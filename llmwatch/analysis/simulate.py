"""Owns "what if this share of a task's calls went to that model": naive and true saving, cause by cause, and claims.

A call that is escalated is paid twice: on the cheaper model and again on the task's own. Money is of a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ..pasted import command
from .counterfactual import Cause, Part
from .downgrade_report import dollars
from .option import Option
from .option_wording import CAUSES, hindrance_words, sentence
from .report import (
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
    counted,
    money_text,
    utc,
)
from .spend import Period

_NOT_KNOWN: Final = "not known before a replay"


@dataclass(frozen=True, slots=True)
class Routing:
    """Which share of the calls is routed, which share of those comes back, and at which tier; claim: saving claimed."""

    share: Decimal = Decimal(1)
    escalate: Decimal = Decimal(0)
    tier: str = ""
    claim: Decimal | None = None

    @property
    def most_saving(self) -> Decimal:
        """The share of the task's cost saved if the cheaper model were free."""
        return self.share * (1 - self.escalate)


@dataclass(frozen=True, slots=True)
class Simulated:
    """US dollars a month; `true_usd` None where a count of the candidate's is not known."""

    spend_usd: Decimal
    routed_usd: Decimal
    naive_usd: Decimal
    true_usd: Decimal | None
    parts: tuple[Part, ...]
    escalated_usd: Decimal

    @property
    def naive_saving_usd(self) -> Decimal:
        """What the list prices promise: the incumbent's own token counts, nothing escalated."""
        return self.routed_usd - self.naive_usd

    @property
    def true_saving_usd(self) -> Decimal | None:
        """What is left of it."""
        return None if self.true_usd is None else self.routed_usd - self.true_usd


def simulated(one: Option, routing: Routing) -> Simulated | None:
    """The routed calls on the candidate, escalated ones on both; None where nothing has a price.

    saving = share x (C - (C' + escalate x C)), C and C' being the cost of all calls on either model.
    """
    spend = one.use.spend_month_usd
    if spend is None or one.cost is None:
        return None
    months, share = one.use.months, routing.share
    again = share * routing.escalate * spend
    true = one.cost.true_usd
    return Simulated(
        spend_usd=spend,
        routed_usd=share * spend,
        naive_usd=share * one.cost.naive_usd / months,
        true_usd=None if true is None else share * true / months + again,
        parts=tuple(Part(part.cause, share * part.usd / months) for part in one.cost.parts),
        escalated_usd=again,
    )


def refusal(routing: Routing, found: Simulated | None) -> str:
    """Why a claimed saving cannot be, with the arithmetic; empty if it can, or if nothing was claimed."""
    claim, most = routing.claim, routing.most_saving
    if claim is None:
        return ""
    if claim > most:
        less = f" x (1 - {_percent(routing.escalate)} escalated) = {_percent(most)}" if routing.escalate else ""
        return (
            f"{_percent(routing.share)} share cannot save {_percent(claim)}: even if the other model were free, "
            f"at most {_percent(routing.share)}{less} of the cost goes away."
        )
    saving = None if found is None else found.true_saving_usd
    if found is not None and saving is not None and found.spend_usd and saving < claim * found.spend_usd:
        return (
            f"{_percent(claim)} is not reached: at these prices and counts the saving is "
            f"{_percent(saving / found.spend_usd)} of the task's cost."
        )
    return ""


def simulate_report(one: Option, routing: Routing, period: Period, hindrances: tuple[str, ...] = ()) -> Report:
    """Naive and true saving, every cause of their difference as a row, and what the replays say of the answers."""
    found = simulated(one, routing)
    use = one.use
    facts: tuple[tuple[str, Cell], ...] = (
        ("since", Moment(utc(period.since))),
        ("until", Moment(utc(period.until))),
        ("task", Text(use.task)),
        ("model", Text(use.incumbent)),
        ("candidate", Text(one.model.name)),
        ("share", Number(routing.share, "share")),
        ("escalate", Number(routing.escalate, "share")),
        ("tier", Text(routing.tier or "as the task's calls")),
        ("calls_month", Number(use.calls_month, "count")),
    )
    tier = f", {routing.tier} tier" if routing.tier else ""
    escalated = f", {_percent(routing.escalate)} of those asked again of {use.incumbent}" if routing.escalate else ""
    title = f"{use.task}: {_percent(routing.share)} of calls from {use.incumbent} to {one.model.name}{tier}{escalated}"
    notes = [Note(text) for text in hindrances]
    refused = refusal(routing, found)
    if found is None:
        whose = "the task's calls" if use.spend_usd is None else f"{one.model.name} at the tier and host of these calls"
        notes.append(
            Note(f"There is no price for {whose}.", "To add one: [[prices]] in llmwatch.toml.", "llmwatch doctor")
        )
        section = Section("simulate", "", notes=tuple(notes))
        return Report("simulate", title, facts, tuple(filter(None, [refused])), (section,))
    summary = tuple(filter(None, [refused, _headline(found, one)]))
    notes += _notes(one, found)
    section = Section("simulate", "", (_table(one, found),), tuple(notes))
    return Report("simulate", title, facts, summary, (section,), main_table="simulate")


def _headline(found: Simulated, one: Option) -> str:
    naive = f"Looks like {_signed(found.naive_saving_usd, found.spend_usd)}"
    true = found.true_saving_usd
    if true is None:
        return f"{naive}; what it really is, only a replay can tell."
    return f"{naive}, {_how(one)} {_signed(true, found.spend_usd)}."


def _how(one: Option) -> str:
    """By what the candidate's own counts are known."""
    return "estimated" if one.saving is None or one.unknown else "measured"


def _signed(saving: Decimal, spend: Decimal) -> str:
    word = "saved" if saving >= 0 else "more"
    share = f" ({_percent(abs(saving) / spend)} of the task's cost)" if spend else ""
    return f"{money_text(abs(saving))} a month {word}{share}"


_COLUMNS: Final = (
    Column("line", "a month", is_number=False),
    Column("usd", "US dollars"),
    Column("share", "of the task's cost"),
)


def _table(one: Option, found: Simulated) -> Table:
    old, new = one.use.incumbent, one.model.name

    def row(key: str, words: str, value: Decimal | None, *, is_total: bool = False) -> Row:
        share: Cell = (
            Unknown(_NOT_KNOWN) if value is None or not found.spend_usd else Number(value / found.spend_usd, "share")
        )
        return Row(key, (Text(words), dollars(value, _NOT_KNOWN), share), kind="total" if is_total else "")

    causes = {part.cause: part.usd for part in found.parts}
    known: tuple[Cause, ...] = tuple(CAUSES)
    parts = [
        Row(f"{cause}_usd", row("", f"+ {CAUSES[cause]}", causes[cause]).cells, kind="part")
        for cause in known
        if causes.get(cause)
    ]
    if found.escalated_usd:
        parts.append(
            Row(
                "escalated_usd",
                row("", f"+ escalated calls, paid again on {old}", found.escalated_usd).cells,
                kind="part",
            )
        )
    return Table(
        "simulate",
        "line",
        _COLUMNS,
        (
            row("spend_usd", f"the task on {old} now", found.spend_usd),
            row("routed_usd", "of it the routed calls", found.routed_usd),
            row("naive_usd", f"those at {new}'s prices on {old}'s token counts", found.naive_usd),
            *parts,
            row("true_usd", f"those on {new}, {_how(one)}", found.true_usd),
            row("naive_saving_usd", "saving by price alone", found.naive_saving_usd),
            row("true_saving_usd", f"saving, {_how(one)}", found.true_saving_usd, is_total=True),
        ),
    )


def _notes(one: Option, found: Simulated) -> list[Note]:
    notes: list[Note] = []
    if one.saving is not None:
        notes.append(Note(f"Token counts of {one.model.name} are measured on {counted(one.saving.replays, 'replay')}."))
    if one.unknown:
        size = 20 if found.true_usd is None else 50
        measure = command("shadow", task=one.use.task, to=one.model.name, n=size)
        notes.append(Note(f"Not measured: {', '.join(one.unknown)}.", "To measure it:", measure))
    if one.use.has_estimated_images and one.saving is None:
        notes.append(Note("Sizes of images are worked out from input tokens that the text does not explain."))
    if one.excluded is not None:
        notes.append(Note(f"{one.model.name} {hindrance_words(one.excluded)}."))
    notes.append(Note(f"Of the answers: {sentence(one)}" if one.verdict.replays else _unseen(one)))
    return notes


def _unseen(one: Option) -> str:
    return f"Whether the answers of {one.model.name} are as good is not known: nothing was replayed."


def _percent(share: Decimal) -> str:
    return f"{float(share * 100):.3g} %"
