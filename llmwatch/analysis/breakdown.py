"""Owns the spend of a period name by name: of the dimension asked for in full, of the others in short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .measures import Measures, compared, money_cells, name_cell
from .report import Cell, Column, Row, Section, Table, Text, count, milliseconds, share, usd
from .spend import Spend, plural

# What a report shows beside the dimension asked for, where calls carry it.
_BESIDE: Final = ("task", "model", "customer", "feature", "service")
_BESIDE_ROWS: Final = 5
NOT_TIMED: Final = "no answer of these calls was timed"
NOT_STREAMED: Final = "none of these calls was streamed"


@dataclass(frozen=True, slots=True)
class Extra:
    """A column that another subject adds to the breakdown: a cell per name, and one for names it does not know."""

    column: Column
    cells: Mapping[str, Cell]
    otherwise: Cell


_COLUMNS: Final = (
    Column("calls", "calls"),
    Column("spend_usd", "spend"),
    Column("share", "of spend", has_bar=True),
    Column("before_usd", "before", rank=4),
    Column("change_usd", "change", rank=2),
    Column("per_thousand_usd", "$ per 1,000", rank=1),
)
# What a task costs and how long it takes, then what others add of its quality, then how all that came about.
_FIRST: Final = (*_COLUMNS[:3], _COLUMNS[5], Column("latency_p95_ms", "P95", rank=1))
_THEN: Final = (
    _COLUMNS[4],
    _COLUMNS[3],
    Column("latency_p50_ms", "P50", rank=3),
    Column("first_token_p50_ms", "1st token", rank=3),
)
_MORE: Final = (
    Column("cached_share", "cached", rank=3),
    Column("cache_saving_usd", "cache saved", rank=4),
    Column("input_tokens", "tokens in", rank=4),
    Column("output_tokens", "tokens out", rank=4),
    Column("unpriced_calls", "unpriced calls", rank=9),
    Column("estimated_calls", "estimated calls", rank=9),
)


def breakdown_section(spend: Spend, extras: Sequence[Extra] = ()) -> Section:
    """Every listed name with its spend, speed and what `extras` add; then the others together, then all."""
    dimension = spend.dimension
    found = {(bool(row["is_current"]), row["name"]): Measures(row) for row in spend.by if not row["is_total"]}
    none = Measures({})

    def row(key: str, title: Cell, sums: tuple[Measures, Measures], kind: Any = "") -> Row:
        added = tuple(each.cells.get(key, each.otherwise if not kind else Text("")) for each in extras)
        first, then = _cells(spend, *sums)
        return Row(key, (title, *first, *added, *then, *_more_cells(sums[0])), kind=kind)

    rows = [
        row(name, name_cell(dimension, name), (found.get((True, name), none), found.get((False, name), none)))
        for name in spend.names
    ]
    if spend.past_names:
        rest = found.get((True, None), none), found.get((False, None), none)
        rows.append(
            row(
                "(others)",
                others_cell(spend.other_names, f"(no {dimension})" if spend.is_nameless_left else ""),
                rest,
                "rest",
            )
        )
    rows.append(row("(all)", Text("all"), (spend.now, spend.before), "total"))
    columns = (
        Column(dimension, dimension, is_number=False),
        *_FIRST,
        *(each.column for each in extras),
        *compared(_THEN, spend.is_comparable),
        *_MORE,
    )
    table = Table(f"spend_by_{dimension}", dimension, columns, tuple(rows), summed=("spend_usd", "before_usd"))
    return Section("spend", "TASKS" if dimension == "task" else f"BY {dimension.upper()}", (table,))


def others_cell(number: int, nameless: str = "") -> Text:
    """Words for the names of this period that are not listed, and for having none; else they are of the one before."""
    others = [f"{number:,} other{plural(number)}"] if number else []
    words = [*others, *([nameless] if nameless else [])]
    return Text(" and ".join(words) or "of the period before", "quiet")


def _cells(spend: Spend, now: Measures, before: Measures) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """The cells of `_FIRST`, and those of `_THEN`."""
    latency = now["latency_ms"] or (None, None, None)
    first = now["first_token_ms"] or (None, None, None)
    calls, spent, of_spend, past, change = money_cells(now, before, spend.now.spend, is_comparable=spend.is_comparable)
    return (
        (calls, spent, of_spend, now.per_thousand_cell, milliseconds(latency[1], NOT_TIMED)),
        (change, past, milliseconds(latency[0], NOT_TIMED), milliseconds(first[0], NOT_STREAMED)),
    )


def _more_cells(now: Measures) -> tuple[Cell, ...]:
    return (
        share(now.count("cached_input_tokens"), now["input_tokens"], "no usage reported"),
        usd(now.money("cache_saving_usd"), now.no_spend_reason),
        now.tokens("input_tokens"),
        now.tokens("output_tokens"),
        count(now.unpriced),
        count(now.count("estimated_calls")),
    )


def beside_sections(spend: Spend, *, without: str = "") -> tuple[Section, ...]:
    """The other dimensions in short, where calls carry more than one name of them, but the one shown elsewhere."""
    dimensions = [dimension for dimension in _BESIDE if dimension not in (spend.dimension, without)]
    tables = tuple(t for d in dimensions if (t := _beside_table(spend, d)))
    return (Section("beside", "AND BY", tables),) if tables else ()


def _beside_table(spend: Spend, dimension: str) -> Table | None:
    mine = [row for row in spend.each if row["dimension"] == dimension]
    now = {row["name"]: Measures(row) for row in mine if row["is_current"]}
    before = {row["name"]: Measures(row) for row in mine if not row["is_current"]}
    if len(now) < 2 and dimension != "model":
        return None
    names = list(now)[:_BESIDE_ROWS]
    rows = [_beside_row(spend, str(n), name_cell(dimension, n), now[n], before.get(n, Measures({}))) for n in names]
    if mine and int(mine[0]["names"]) > len(names):
        listed_before = [before[n] for n in names if n in before]
        rest = spend.now.minus(now[n] for n in names), spend.before.minus(listed_before)
        nameless = int(mine[0]["current_rows"]) > int(mine[0]["current_names"]) and "" not in names
        title = others_cell(
            int(mine[0]["current_names"]) - sum(n != "" for n in names), f"(no {dimension})" if nameless else ""
        )
        rows.append(_beside_row(spend, "(others)", title, *rest, kind="rest"))
    columns = (Column(dimension, dimension, is_number=False), *compared(_COLUMNS, spend.is_comparable))
    return Table(f"spend_by_{dimension}", dimension, columns, tuple(rows))


def _beside_row(spend: Spend, key: str, title: Cell, now: Measures, before: Measures, kind: Any = "") -> Row:
    cells = (
        title,
        *money_cells(now, before, spend.now.spend, is_comparable=spend.is_comparable),
        now.per_thousand_cell,
    )
    return Row(key, cells, kind=kind)
