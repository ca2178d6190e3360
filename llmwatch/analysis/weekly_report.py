"""Owns the order of the weekly report: money and customers first for those who pay, tasks and their causes below.

Each part is made where its subject is; here they are only put in order, and what nobody knows is gathered at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from .answers import answers_section, speed_section, tokens_section
from .breakdown import Extra, beside_sections, breakdown_section
from .downgrade_report import Downgrades, downgrade_section
from .drift_chart import drift_charts
from .drift_report import drift_section, drift_words_by_task
from .margin import Margin, dollars
from .margin_report import margin_head_section, margin_unknowns
from .margin_tables import customers_section, names_section, outcomes_section
from .measures import Measures
from .quality import Quality, Scored, quality_by_task
from .quality_report import NO_EVIDENCE, RUNG_WORDS, quality_cell, quality_section
from .report import Cell, Chart, Column, Note, Report, Section, Series, Text, Unknown
from .spend import Spend, empty_section, evidence_table, facts, head, money_section, over_time
from .sunset import Sunset, sunset_section
from .task_drift import Drifts
from .unknowns import unknowns_section
from .unpriced import together

# What a report can be by; plans have margins and no calls of their own.
DIMENSIONS: Final = ("task", "customer", "feature", "plan", "model", "service", "user")
NO_REVENUE: Final = "Nobody has said what your customers pay, so no margin is stated."
_ADD_REVENUE: Final = "Import it, state plans in llmwatch.toml, or say it where it is earned:"
_REVENUE_CODE: Final = """llmwatch revenue import revenue.csv
llmwatch.revenue(49, customer="acme", plan="pro")"""


@dataclass(frozen=True, slots=True)
class Weekly:
    """Everything one report is made from, each subject as its own module found it; None where it was not asked."""

    spend: Spend
    dimension: str = "task"
    # Tasks whose quality is listed; None is all.
    top: int | None = None
    margin: Margin | None = None
    # Rows of the query money_over_time.
    money_over_time: Sequence[Mapping[str, Any]] = ()
    # Customer -> what its unpriced calls cost at the dearest known rate of their task, None where there is none.
    dearest: Mapping[str, Decimal | None] = field(default_factory=dict[str, Decimal | None])
    scored: Scored | None = None
    drifts: Drifts | None = None
    # Rows of the query quality_over_time.
    quality_over_time: Sequence[Mapping[str, Any]] = ()
    sunset: Sunset | None = None
    downgrades: Downgrades | None = None

    @property
    def has_revenue(self) -> bool:
        """What at least one customer pays is known, in this period or the one before."""
        found = self.margin
        return found is not None and any(line.revenue is not None for line in (*found.customers, *found.before))


def weekly_report(weekly: Weekly) -> Report:
    """The report of a period; one sentence of advice where it has no calls."""
    spend = weekly.spend
    if not spend.now.calls:
        return Report("report", "llmwatch report", facts(spend), head(spend), (empty_section(spend),))
    main_table = (
        "margin_by_plan" if weekly.dimension == "plan" and weekly.has_revenue else f"spend_by_{spend.dimension}"
    )
    sections = (*_for_finance(weekly), *_for_engineers(weekly), _unknowns(weekly))
    return Report("report", "llmwatch report", facts(spend), head(spend), sections, main_table=main_table)


def _for_finance(weekly: Weekly) -> tuple[Section, ...]:
    """The money, then the customers; without revenue the cost, and how to say what is earned."""
    spend, margin = weekly.spend, weekly.margin
    if margin is None or not weekly.has_revenue:
        money = money_section(spend)
        return (replace(money, notes=(*money.notes, Note(NO_REVENUE, _ADD_REVENUE, _REVENUE_CODE))),)
    first = margin_head_section(margin)
    tables = (*first.tables, evidence_table(spend.now))
    return (
        replace(first, title="MONEY", tables=tables, charts=_money_charts(weekly)),
        *((names_section(margin),) if weekly.dimension == "plan" else ()),
        customers_section(margin),
        *((outcomes_section(margin),) if margin.outcomes else ()),
        money_section(spend, is_below_margin=True),
    )


def _money_charts(weekly: Weekly) -> tuple[Chart, ...]:
    found = over_time(weekly.spend)
    if found is None or weekly.margin is None or not weekly.money_over_time:
        return ()
    word, points, _ = found
    revenue = tuple(dollars(row["revenue_nano"]) or Decimal(0) for row in weekly.money_over_time)
    paid = tuple(Decimal(row["spend_usd"]) for row in weekly.money_over_time)
    gaps = [Measures(row).gap for row in weekly.money_over_time]
    margin = "Margin before shared cost" if weekly.margin.shared_costs else "Margin"
    margin += " (at most: calls are unpriced)" if together(gaps).unpriced else ""
    kept = (None if gap.is_unknown else a - b for a, b, gap in zip(revenue, paid, gaps, strict=True))
    series = (
        Series("revenue_usd", "Revenue", revenue),
        Series("spend_usd", "LLM cost of who pays it", paid),
        Series("margin_usd", margin, tuple(kept)),
    )
    return (Chart("money_over_time", f"Money per {word}", "usd", points, series),)


def _for_engineers(weekly: Weekly) -> tuple[Section, ...]:
    """What each task costs and is worth, what moved, what stops, what could be cheaper; then the details."""
    spend, margin = weekly.spend, weekly.margin
    scored = None if weekly.scored is None else quality_by_task(weekly.scored)
    has_names = margin is not None and weekly.has_revenue and weekly.dimension in ("feature", "model", "service")
    return (
        breakdown_section(spend, _task_extras(weekly, scored) if spend.dimension == "task" else ()),
        *((names_section(margin),) if margin is not None and has_names else ()),
        *_drift_sections(weekly),
        *((sunset_section(weekly.sunset),) if weekly.sunset is not None else ()),
        *((downgrade_section(weekly.downgrades),) if weekly.downgrades is not None else ()),
        *((quality_section(scored, weekly.scored, weekly.top),) if scored and weekly.scored is not None else ()),
        *beside_sections(spend, without="customer" if weekly.has_revenue else ""),
        speed_section(spend.dimension, spend.names, spend.by),
        answers_section(spend.now, spend.before, spend.is_comparable, spend.flags),
        tokens_section(spend.now, spend.before, spend.is_comparable),
    )


def _drift_sections(weekly: Weekly) -> tuple[Section, ...]:
    if weekly.drifts is None:
        return ()
    return (replace(drift_section(weekly.drifts), charts=drift_charts(weekly.drifts, weekly.quality_over_time)),)


def _task_extras(weekly: Weekly, scored: Mapping[str, Quality] | None) -> tuple[Extra, ...]:
    drift: tuple[Extra, ...] = ()
    if weekly.drifts is not None:
        words = drift_words_by_task(weekly.drifts)
        drift = (
            Extra(Column("drift", "drift", is_number=False), words, Unknown("no answers of it in the last weeks")),
        )
    return (*(_quality_extras(scored) if scored is not None else ()), *drift)


def _quality_extras(found: Mapping[str, Quality]) -> tuple[Extra, ...]:
    nothing = Unknown(NO_EVIDENCE)
    quality = {task: quality_cell(each) for task, each in found.items()}
    return (
        Extra(Column("quality", "acceptable (95 %)"), quality, nothing),
        Extra(
            Column("quality_evidence", "says", rank=2, is_number=False),
            {task: _evidence_cell(each) for task, each in found.items()},
            nothing,
        ),
    )


def _evidence_cell(quality: Quality) -> Cell:
    if quality.best is None:
        return Unknown(NO_EVIDENCE)
    words = f"{RUNG_WORDS[quality.best.rung]}, {quality.best.n:,}"
    return Text(words, "" if quality.best.is_alarming else "quiet")


def _unknowns(weekly: Weekly) -> Section:
    margin = weekly.margin
    notes = margin_unknowns(margin, is_beside_spend=True) if margin is not None and weekly.has_revenue else ()
    return unknowns_section(weekly.spend, notes, is_customer_said=weekly.has_revenue)
