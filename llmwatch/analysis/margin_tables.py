"""Owns the tables of margin: customers, other names and outcomes, losses first, each unknown with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from .margin import Line, Margin
from .measures import LEAVES_OUT, NO_PRICE, NOT_COMPARABLE, Measures, change, compared, name_cell
from .report import DATA_RANK, Cell, Column, Note, Number, Row, Section, Table, Text, Unknown, count, share, usd
from .spend import plural

_ZERO: Final = Decimal(0)
UNKNOWN_REVENUE: Final = "nobody has said what it earns"
NO_REVENUE: Final = "n/a (no revenue)"
_BY_COST: Final = (
    "its revenue can only be divided by share of cost, which gives every one the same margin; see NOT KNOWN"
)
_SOME_UNKNOWN: Final = "without the cost of customers whose revenue is unknown"


def points(margin: Margin, now: Decimal | None, before: Decimal | None) -> Cell:
    """The change of a share, in points."""
    if not margin.is_comparable:
        return Unknown(NOT_COMPARABLE)
    if now is None or before is None:
        return Unknown("no revenue in one of the periods, or none that is known")
    return change(now, before, "share", True)


# --- customers


def customers_section(margin: Margin) -> Section:
    """Customers, losses first; those of unknown revenue, those no call names and the rest as rows of their own."""
    known = sorted(
        (c for c in margin.customers if c.name and c.revenue is not None and c.is_in_calls), key=lambda c: c.rank
    )
    unknown = sorted((c for c in margin.customers if c.name and c.revenue is None), key=lambda c: c.rank)
    unmatched = sorted(
        (c for c in margin.customers if c.name and not c.is_in_calls and c.revenue is not None), key=_name
    )
    nobody = [c for c in margin.customers if not c.name]
    listed, others = known[: margin.top], known[margin.top :]
    rows = [_customer_row(margin, line) for line in listed]
    if others:
        rows.append(_group_row(margin, f"{len(others):,} other{plural(len(others))}", "(others)", others))
    rows += _few_or_group(margin, unmatched, "(not in calls)", "that no call names")
    rows += _few_or_group(margin, unknown, "(revenue unknown)", "of unknown revenue")
    rows += [_customer_row(margin, line) for line in nobody]
    rows.append(_group_row(margin, "all of known revenue", "(all)", [*known, *unmatched], kind="total"))
    columns = _customer_columns(margin)
    title = "CUSTOMERS, GREATEST LOSS FIRST, THEN THE LOWEST MARGIN"
    table = Table("margin_by_customer", "customer", columns, tuple(rows))
    return Section("customers", title, (table,))


def _name(line: Line) -> str:
    return line.name


def _few_or_group(margin: Margin, lines: Sequence[Line], key: str, words: str) -> list[Row]:
    """Each by its name where everything is listed or there is but one; else one row for all."""
    if len(lines) <= 1 or len(margin.customers) <= margin.top:
        return [_customer_row(margin, line) for line in lines]
    return [_group_row(margin, f"{len(lines):,} customers {words}", key, lines)]


def _customer_columns(margin: Margin) -> tuple[Column, ...]:
    has_plans = any(line.plan for line in margin.customers)
    hidden = DATA_RANK
    target = 4 if margin.target is not None else hidden
    columns = (
        Column("customer", "customer", is_number=False),
        Column("plan", "plan", rank=2 if has_plans else hidden, is_number=False),
        Column("calls", "calls", rank=4),
        Column("revenue_usd", "revenue"),
        Column("cost_usd", "LLM cost"),
        Column("direct_usd", "direct", rank=4 if margin.shared_costs else hidden),
        Column("shared_usd", "shared", rank=4 if margin.shared_costs else hidden),
        Column("margin_usd", "margin"),
        Column("margin_share", "margin %"),
        Column("change_share", "change", rank=1),
        Column("break_even_usd", "breaks even at", rank=3),
        Column("headroom_usd", f"headroom to {_percent(margin.target)}", rank=target),
        Column("allowance_used", "allowance used", rank=target + 1 if target < hidden else hidden),
    )
    return compared(columns, margin.is_comparable)


def _percent(target: Decimal | None) -> str:
    return "target" if target is None else f"{target * 100:f}".rstrip("0").rstrip(".") + " %"


def _customer_row(margin: Margin, line: Line) -> Row:
    before = margin.before_by_name.get(line.name)
    title: Cell = name_cell("customer", line.name)
    if line.name and not line.is_in_calls:
        title = Text(f"{line.name} (in no call)")
    return Row(
        line.name or "(no customer)",
        (
            title,
            Text(line.plan or ""),
            count(line.measures.calls),
            *_money(line),
            points(margin, line.share, before.share if before else None),
            usd(line.cost, line.measures.no_spend_reason),
            *_allowance(margin, line.revenue, line.cost),
        ),
        kind="" if line.name else "rest",
    )


def _money(line: Line) -> tuple[Cell, ...]:
    """Revenue, cost, direct, shared, margin, margin of revenue."""
    reason = _reason(line)
    caveat = line.measures.caveat
    return (
        usd(line.revenue, _BY_COST if line.is_undivided else UNKNOWN_REVENUE),
        usd(line.cost, NO_PRICE, caveat),
        usd(line.direct, NO_PRICE, caveat),
        usd(line.shared, ""),
        usd(line.margin, reason, caveat or (_SOME_UNKNOWN if line.unknown_cost else "")),
        _line_share(line, reason),
    )


def _reason(line: Line) -> str:
    if line.is_undivided:
        return _BY_COST
    return UNKNOWN_REVENUE if line.revenue is None else NO_PRICE


def _line_share(line: Line, reason: str) -> Cell:
    if line.share is not None:
        return Number(line.share, "share")
    return Text(NO_REVENUE) if line.margin is not None else Unknown(reason)


def _allowance(margin: Margin, revenue: Decimal | None, cost: Decimal | None) -> tuple[Cell, Cell]:
    """What may still be spent before the target margin is missed, and the part of it that was."""
    if margin.target is None or revenue is None or cost is None:
        reason = "no target_margin is set" if margin.target is None else UNKNOWN_REVENUE
        return Unknown(reason), Unknown(reason)
    allowed = revenue * (1 - margin.target)
    used = share(cost, allowed, NO_REVENUE) if allowed > 0 else Text(NO_REVENUE)
    return usd(allowed - cost, ""), used


def _group_row(margin: Margin, title: str, key: str, lines: Sequence[Line], kind: Any = "rest") -> Row:
    """Several customers as one: sums, and the margin of their sums."""
    known = [line for line in lines if line.revenue is not None]
    revenue = sum((line.revenue for line in known if line.revenue is not None), _ZERO) if known else None
    direct = sum((line.direct or _ZERO for line in lines), _ZERO)
    shared = sum((line.shared for line in lines), _ZERO)
    kept = None if revenue is None else revenue - direct - shared
    caveat = LEAVES_OUT if any(line.measures.unpriced for line in lines) else ""
    names = {line.name for line in lines}
    ratio = kept / revenue if kept is not None and revenue and revenue > 0 else None
    before = _share_of([line for line in margin.before if line.name in names])
    of_revenue: Cell = Number(ratio, "share") if ratio is not None else Text(NO_REVENUE)
    cells = (
        Text(title, "quiet" if kind == "rest" else ""),
        Text(""),
        count(sum(line.measures.calls for line in lines)),
        usd(revenue, UNKNOWN_REVENUE),
        usd(direct + shared, "", caveat),
        usd(direct, "", caveat),
        usd(shared, ""),
        usd(kept, UNKNOWN_REVENUE, caveat),
        of_revenue if revenue is not None else Unknown(UNKNOWN_REVENUE),
        points(margin, ratio, before),
        usd(direct + shared, ""),
        *_allowance(margin, revenue, direct + shared),
    )
    return Row(key, cells, kind=kind)


def _share_of(lines: Sequence[Line]) -> Decimal | None:
    known = [line for line in lines if line.revenue is not None]
    revenue = sum((line.revenue or _ZERO for line in known), _ZERO)
    cost = sum(((line.direct or _ZERO) + line.shared for line in known), _ZERO)
    return (revenue - cost) / revenue if revenue > 0 else None


# --- the other dimensions


def names_section(margin: Margin) -> Section:
    """Tasks, features, plans, models or services, losses first, with the rule by which revenue came to them."""
    dimension = margin.dimension
    lines = sorted((line for line in margin.lines if line.name), key=lambda line: line.rank)
    nobody = [line for line in margin.lines if not line.name]
    others = lines[margin.top :]
    has_outcomes = any(line.outcomes for line in margin.lines)
    rows = [_name_row(dimension, line) for line in lines[: margin.top]]
    if others:
        rows.append(_names_row(f"{len(others):,} other{plural(len(others))}", "(others)", others, "rest"))
    rows += [_name_row(dimension, line) for line in nobody]
    if margin.undivided:
        rows.append(_undivided_row(dimension, margin.undivided))
    rows.append(_names_row("all", "(all)", margin.lines, "total", margin.undivided))
    outcome_rank = 3 if has_outcomes else DATA_RANK
    columns = (
        Column(dimension, dimension, is_number=False),
        Column("calls", "calls", rank=2),
        Column("revenue_usd", "revenue"),
        Column("cost_usd", "LLM cost"),
        Column("direct_usd", "direct", rank=4 if margin.shared_costs else DATA_RANK),
        Column("shared_usd", "shared", rank=4 if margin.shared_costs else DATA_RANK),
        Column("margin_usd", "margin"),
        Column("margin_share", "margin %"),
        Column("unknown_usd", "cost of unknown revenue", rank=5),
        Column("outcomes", "outcomes", rank=outcome_rank),
        Column("per_success_usd", "$ per success", rank=outcome_rank),
    )
    table = Table(f"margin_by_{dimension}", dimension, columns, tuple(rows))
    title = f"{dimension.upper()}S, GREATEST LOSS FIRST, THEN THE LOWEST MARGIN"
    return Section("margin_names", title, (table,), (Note(_rule(margin)),))


def _rule(margin: Margin) -> str:
    if margin.dimension == "plan":
        return "Revenue is that of the plan's own streams; a call belongs to the plan its customer was on then."
    usage = {"calls": "by number of calls", "tokens": "by number of tokens"}.get(margin.revenue_by)
    last = f"else {usage}, as revenue_by says" if usage else "else it is not divided"
    return (
        f"Revenue is that of the {margin.dimension} it names or whose call it names; what else a customer pays is"
        f" divided by the value of that customer's successful outcomes, {last}."
    )


def _name_row(dimension: str, line: Line) -> Row:
    cells = (
        name_cell(dimension, line.name),
        count(line.measures.calls),
        *_money(line),
        usd(line.unknown_cost, ""),
        *_outcome_cells(line.cost, line.outcomes, line.successes),
    )
    return Row(line.name or f"(no {dimension})", cells, kind="" if line.name else "rest")


def _outcome_cells(cost: Decimal | None, outcomes: int, successes: int) -> tuple[Cell, Cell]:
    if cost is None:
        return count(outcomes), Unknown(NO_PRICE)
    return count(outcomes), usd(cost / successes, "") if successes else Unknown("no success was reported")


def _undivided_row(dimension: str, amount: Decimal) -> Row:
    empty = Text("")
    cells = (
        Text(f"(of no {dimension})", "quiet"), empty, usd(amount, ""), empty, empty, empty, Unknown(_BY_COST),
        Unknown(_BY_COST), empty, empty, empty,
    )  # fmt: skip
    return Row("(not divided)", cells, kind="rest")


def _names_row(title: str, key: str, lines: Sequence[Line], kind: Any, undivided: Decimal = _ZERO) -> Row:
    known = [line.revenue for line in lines if line.revenue is not None]
    revenue = sum(known, _ZERO) + undivided if known or undivided else None
    direct = sum((line.direct or _ZERO for line in lines), _ZERO)
    shared = sum((line.shared for line in lines), _ZERO)
    unknown = sum((line.unknown_cost for line in lines), _ZERO)
    is_whole = kind == "total" or not any(line.is_undivided for line in lines)
    kept = revenue - (direct + shared - unknown) if revenue is not None and is_whole else None
    reason = UNKNOWN_REVENUE if revenue is None else _BY_COST
    caveat = LEAVES_OUT if any(line.measures.unpriced for line in lines) else ""
    ratio: Cell = Unknown(reason)
    if kept is not None and revenue is not None:
        ratio = Number(kept / revenue, "share") if revenue > 0 else Text(NO_REVENUE)
    cells = (
        Text(title, "quiet" if kind == "rest" else ""),
        count(sum(line.measures.calls for line in lines)),
        usd(revenue, reason),
        usd(direct + shared, "", caveat),
        usd(direct, "", caveat),
        usd(shared, ""),
        usd(kept, reason, caveat or (_SOME_UNKNOWN if unknown else "")),
        ratio,
        usd(unknown, ""),
        *_outcome_cells(direct + shared, sum(line.outcomes for line in lines), sum(line.successes for line in lines)),
    )
    return Row(key, cells, kind=kind)


# --- outcomes


def outcomes_section(margin: Margin) -> Section:
    """What the outcomes that code reports cost: all calls of their task, those that led nowhere included."""
    columns = (
        Column("outcome", "outcome", is_number=False),
        Column("task", "task", is_number=False),
        Column("outcomes", "reported"),
        Column("successes", "succeeded"),
        Column("success_share", "of reported", rank=1),
        Column("value_usd", "worth", rank=2),
        Column("cost_usd", "LLM cost of the task"),
        Column("per_outcome_usd", "$ per outcome", rank=1),
        Column("per_success_usd", "$ per success"),
    )
    rows = tuple(_outcome_row(Line("", Measures(row), None), row) for row in margin.outcomes)
    return Section("outcomes", "OUTCOMES", (Table("outcomes", "outcome", columns, rows),))


def _outcome_row(line: Line, row: Any) -> Row:
    cost = line.direct if row["task"] else None
    reason = NO_PRICE if row["task"] else "it names no task, nor a call of one"
    outcomes, successes = int(row["outcomes"]), int(row["successes"])
    cells = (
        Text(str(row["outcome"])),
        name_cell("task", str(row["task"])),
        count(outcomes),
        count(successes),
        share(successes, outcomes, ""),
        usd(row["value_usd"], "no value was given"),
        usd(cost, reason, line.measures.caveat),
        usd(None if cost is None else cost / outcomes, reason),
        usd(None if cost is None or not successes else cost / successes, reason if cost is None else "n/a: no success"),
    )
    return Row(f"{row['outcome']}/{row['task']}", cells)
