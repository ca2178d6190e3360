"""Owns what the tasks of a model that stops could run on instead: OpenAI's advice, and what their calls speak for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ..pasted import command
from .downgrade_report import dollars
from .option import Option
from .option_wording import hindrance_words
from .report import Cell, Column, Note, Row, Section, Table, Text, Unknown
from .traffic import Use

_NO_ADVICE: Final = "no recommendation of OpenAI's is known"


@dataclass(frozen=True, slots=True)
class Replacement:
    """One task on a model that stops on a day, and the swaps there are; None where there is none."""

    use: Use
    on: date
    recommended: Option | None
    chosen: Option | None


_COLUMNS: Final = (
    Column("task", "task", is_number=False),
    Column("model", "on", is_number=False),
    Column("shutdown_on", "stops on", is_number=False),
    Column("spend_month_usd", "spend a month"),
    Column("recommended", "OpenAI recommends", is_number=False),
    Column("recommended_month_usd", "its cost a month"),
    Column("candidate", "your calls speak for", is_number=False),
    Column("candidate_month_usd", "its cost a month"),
    Column("evidence", "evidence", rank=1, is_number=False),
)


def replacement_section(found: Sequence[Replacement]) -> Section | None:
    """A row per task, the soonest end first and then the dearest; None if nothing stops."""
    if not found:
        return None
    ordered = sorted(found, key=lambda one: (one.on, -(one.use.spend_usd or 0), one.use.task))
    notes = [Note("Costs are those of the task's own calls at the model's prices, measured where replays were made.")]
    untested = next((one for one in ordered if one.chosen is not None and not one.chosen.verdict.replays), None)
    if untested is not None and untested.chosen is not None:
        measure = command("shadow", task=untested.use.task, to=untested.chosen.model.name)
        notes.append(Note("Whether the answers are as good is not measured.", "What measuring one costs:", measure))
    rows = tuple(_row(one) for one in ordered)
    return Section("replacements", "REPLACEMENTS", (Table("replacements", "task", _COLUMNS, rows),), tuple(notes))


def _row(one: Replacement) -> Row:
    use = one.use
    cells: tuple[Cell, ...] = (
        Text(use.task),
        Text(use.incumbent),
        Text(str(one.on)),
        dollars(use.spend_month_usd, "no call has a price"),
        Unknown(_NO_ADVICE) if one.recommended is None else Text(_named(one.recommended)),
        _cost(one.recommended, _NO_ADVICE),
        Unknown("no model can take the task") if one.chosen is None else Text(one.chosen.model.name),
        _cost(one.chosen, "no model can take the task"),
        Text(_evidence(one.chosen)),
    )
    return Row(f"{use.task}/{use.incumbent}", cells)


def _named(option: Option) -> str:
    """With the reason why it cannot take these calls, if there is one."""
    words = hindrance_words(option.excluded)
    return f"{option.model.name} ({words})" if words else option.model.name


def _cost(option: Option | None, reason: str) -> Cell:
    if option is None:
        return Unknown(reason)
    spend, saving = option.use.spend_month_usd, option.best_saving_usd
    return dollars(None if spend is None or saving is None else spend - saving, "no price for these calls")


def _evidence(option: Option | None) -> str:
    if option is None:
        return ""
    return {"move": "measured", "promising": "promising"}.get(option.verdict.kind, "not measured")
