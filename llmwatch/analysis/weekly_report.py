"""Owns the order of the weekly report: money and customers first for those who pay, tasks and their causes below.

Each part is made where its subject is; here they are only put in order, and what nobody knows is gathered at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from .answers import answers_section, speed_section, tokens_section
from .breakdown import beside_sections, breakdown_section
from .report import Report, Section
from .spend import Spend, empty_section, facts, head, money_section
from .unknowns import unknowns_section


@dataclass(frozen=True, slots=True)
class Weekly:
    """Everything one report is made from, each subject as its own module found it."""

    spend: Spend


def weekly_report(weekly: Weekly) -> Report:
    """The report of a period; one sentence of advice where it has no calls."""
    spend = weekly.spend
    main_table = f"spend_by_{spend.dimension}"
    if not spend.now.calls:
        sections: tuple[Section, ...] = (empty_section(spend),)
    else:
        sections = (
            money_section(spend),
            breakdown_section(spend),
            *beside_sections(spend),
            speed_section(spend.dimension, spend.names, spend.by),
            answers_section(spend.now, spend.before, spend.is_comparable, spend.flags),
            tokens_section(spend.now, spend.before, spend.is_comparable),
            unknowns_section(spend),
        )
    return Report("report", "llmwatch report", facts(spend), head(spend), sections, main_table=main_table)
