"""Owns the tables of margin: customers, other names and outcomes, losses first, each unknown with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Protocol

from .margin import Line, Margin, known_sum, of_money
from .measures import LEAVES_OUT, NO_PRICE, NOT_COMPARABLE, ROUNDING_USD, Measures, change, compared, name_cell
from .report import DATA_RANK, Cell, Change, Column, Note, Row, Section, Table, Text, Unknown, count, share, usd
from .spend import plural
from .unpriced import NONE, Gap, bounded, together

_ZERO: Final = Decimal(0)
UNKNOWN_REVENUE: Final = "nobody has said what it earns"
NO_REVENUE: Final = "n/a (no revenue)"
_BY_COST: Final = (
    "its revenue can only be divided by share of cost, which gives every one the same margin; see NOT KNOWN"
)
_NOT_OF_ALL: Final = "revenue or cost that names no customer, or cost of unknown revenue, is in no margin"


class Kept(Protocol):
    """What remains of some revenue: of a customer, a name, some of them or all."""

    @property
    def revenue(self) -> Decimal | None:
        """Dollars, None if it is unknown."""
        ...

    @property
    def most(self) -> Decimal | None:
        """What remains of it if unpriced calls were free."""
        ...

    @property
    def gap(self) -> Gap:
        """The calls whose cost is taken from it."""
        ...


def of_revenue(kept: Kept, reason: str = UNKNOWN_REVENUE) -> Cell:
    """The margin as a share of revenue, a bound or unknown where calls have no price."""
    found = of_money(kept.most, kept.revenue)
    if found is None and kept.most is not None and not kept.gap.is_unknown:
        return Text(NO_REVENUE)
    return bounded(found, "share", NONE if kept.revenue is None else kept.gap, "at most", reason)


def points(margin: Margin, now: Kept, before: Kept | None) -> Cell:
    """The change of the margin's share of revenue, in points."""
    if not margin.is_comparable:
        return Unknown(NOT_COMPARABLE)
    for kept in (now, before):
        if kept is not None and kept.gap.is_unknown:
            return Unknown(kept.gap.reason)
    here = of_money(now.most, now.revenue)
    past = None if before is None else of_money(before.most, before.revenue)
    if before is None or here is None or past is None:
        return Unknown("no revenue in one of the periods, or none that is known")
    # What rounding to nano-dollars makes of the smaller revenue.
    noise = ROUNDING_USD / min(now.revenue or _ZERO, before.revenue or _ZERO)
    found = change(here, past, "share", True, noise=noise)
    has_gap = now.gap.unpriced or before.gap.unpriced
    return replace(found, caveat=LEAVES_OUT) if has_gap and isinstance(found, Change) else found


@dataclass(frozen=True, slots=True)
class _Group:
    """Several lines as one: sums, and the margin of their sums."""

    lines: Sequence[Line]
    # Revenue that none of them was given.
    undivided: Decimal = _ZERO

    @property
    def revenue(self) -> Decimal | None:
        known = [line.revenue for line in self.lines if line.revenue is not None]
        return sum(known, self.undivided) if known or self.undivided else None

    @property
    def direct(self) -> Decimal | None:
        return known_sum(line.direct for line in self.lines)

    @property
    def direct_in_margin(self) -> Decimal | None:
        return known_sum(line.direct_in_margin for line in self.lines)

    @property
    def shared(self) -> Decimal:
        return sum((line.shared for line in self.lines), _ZERO)

    @property
    def shared_in_margin(self) -> Decimal:
        return sum((line.shared_in_margin for line in self.lines), _ZERO)

    @property
    def unknown_cost(self) -> Decimal:
        return sum((line.unknown_cost for line in self.lines), _ZERO)

    @property
    def cost(self) -> Decimal | None:
        return None if self.direct is None else self.direct + self.shared

    @property
    def most(self) -> Decimal | None:
        if self.revenue is None:
            return None
        return self.revenue - ((self.direct or _ZERO) + self.shared - self.unknown_cost)

    @property
    def gap(self) -> Gap:
        return together(line.gap for line in self.lines)

    @property
    def caveat(self) -> str:
        return LEAVES_OUT if any(line.measures.unpriced for line in self.lines) else ""


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
    if unknown or nobody:
        rows.append(_everything_row(margin))
    columns = _customer_columns(margin)
    title = "CUSTOMERS, GREATEST LOSS FIRST, THEN THE LOWEST MARGIN"
    summed = ("revenue_usd", "cost_usd", "direct_usd", "shared_usd", *(() if unknown or nobody else ("margin_usd",)))
    table = Table("margin_by_customer", "customer", columns, tuple(rows), summed=summed)
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
        _unpriced_column(margin.customers),
    )
    return compared(columns, margin.is_comparable)


def _unpriced_column(lines: Sequence[Line]) -> Column:
    """Shown where there is any, and for programs always."""
    has_any = any(line.measures.unpriced for line in lines)
    return Column("unpriced_calls", "unpriced", rank=2 if has_any else DATA_RANK)


def _percent(target: Decimal | None) -> str:
    return "target" if target is None else f"{target * 100:f}".rstrip("0").rstrip(".") + " %"


def _customer_row(margin: Margin, line: Line) -> Row:
    before = margin.before_by_name.get(line.name)
    caveat = line.measures.caveat
    costs = (usd(line.cost, NO_PRICE, caveat), usd(line.direct, NO_PRICE, caveat), usd(line.shared, ""))
    title: Cell = name_cell("customer", line.name)
    if line.name and not line.is_in_calls:
        title = Text(f"{line.name} (in no call)")
    return Row(
        line.name or "(no customer)",
        (
            title,
            Text(line.plan or ""),
            count(line.measures.calls),
            *_money(line, costs, is_nobody=not line.name),
            points(margin, line, before),
            bounded(line.cost, "usd", line.gap, "at least", line.measures.no_spend_reason),
            *_allowance(margin, line.revenue, line.cost, line.gap),
            count(line.measures.unpriced),
        ),
        kind="" if line.name else "rest",
    )


def _money(line: Line, costs: tuple[Cell, ...], *, is_nobody: bool = False) -> tuple[Cell, ...]:
    """Revenue, cost, direct, shared, margin, margin of revenue."""
    reason = _reason(line)
    if is_nobody:
        reason = _NOT_OF_ALL
    # Whatever its calls cost, a margin that has no revenue is not there.
    gap = NONE if line.revenue is None or line.is_undivided or is_nobody else line.gap
    return (
        usd(line.revenue, _BY_COST if line.is_undivided else UNKNOWN_REVENUE),
        *costs,
        bounded(None if is_nobody else line.most, "usd", gap, "at most", reason),
        Unknown(reason) if line.is_undivided or is_nobody else of_revenue(line, reason),
    )


def _reason(line: Line) -> str:
    if line.is_undivided:
        return _BY_COST
    return UNKNOWN_REVENUE if line.revenue is None else NO_PRICE


def _allowance(margin: Margin, revenue: Decimal | None, cost: Decimal | None, gap: Gap) -> tuple[Cell, Cell]:
    """What may still be spent before the target margin is missed, and the part of it that was."""
    if margin.target is None or revenue is None or cost is None:
        reason = "no target_margin is set" if margin.target is None else UNKNOWN_REVENUE
        reason = NO_PRICE if margin.target is not None and revenue is not None else reason
        return Unknown(reason), Unknown(reason)
    allowed = revenue * (1 - margin.target)
    used = bounded(cost / allowed, "share", gap, "at least", "") if allowed > 0 else Text(NO_REVENUE)
    return bounded(allowed - cost, "usd", gap, "at most", ""), used


def _group_row(margin: Margin, title: str, key: str, lines: Sequence[Line], kind: Any = "rest") -> Row:
    """Several customers as one: sums, and the margin of their sums."""
    group, names = _Group(lines), {line.name for line in lines}
    before = _Group([line for line in margin.before if line.name in names and line.revenue is not None])
    # All of known revenue is what the head of the report says of them.
    kept: Kept = margin.now_totals if kind == "total" else group
    past: Kept = margin.before_totals if kind == "total" else before
    cells = (
        Text(title, "quiet" if kind == "rest" else ""),
        Text(""),
        count(sum(line.measures.calls for line in lines)),
        usd(group.revenue, UNKNOWN_REVENUE),
        *_cost_cells(group),
        bounded(kept.most, "usd", kept.gap, "at most", UNKNOWN_REVENUE),
        of_revenue(kept),
        points(margin, kept, past),
        bounded(group.cost, "usd", group.gap, "at least", NO_PRICE),
        *_allowance(margin, group.revenue, group.cost, kept.gap),
        count(sum(line.measures.unpriced for line in lines)),
    )
    return Row(key, cells, kind=kind)


def _everything_row(margin: Margin) -> Row:
    """What all rows above add up to, those that are in no margin among them."""
    group = _Group(margin.customers)
    nothing, no_margin = Text(""), Unknown(_NOT_OF_ALL)
    cells = (
        Text("all"),
        nothing,
        count(sum(line.measures.calls for line in margin.customers)),
        usd(group.revenue, UNKNOWN_REVENUE),
        *_cost_cells(group),
        no_margin,
        no_margin,
        nothing,
        nothing,
        nothing,
        nothing,
        count(sum(line.measures.unpriced for line in margin.customers)),
    )
    return Row("(everything)", cells, kind="total")


def _cost_cells(group: _Group) -> tuple[Cell, ...]:
    """Direct and shared cost, then each."""
    return (
        usd(group.cost, NO_PRICE, group.caveat),
        usd(group.direct, NO_PRICE, group.caveat),
        usd(group.shared, ""),
    )


def _margin_cost_cells(part: Line | _Group, caveat: str) -> tuple[Cell, ...]:
    """The same of what is in the margin, so that revenue less the first of them is the margin."""
    direct, shared = part.direct_in_margin, part.shared_in_margin
    return (
        usd(None if direct is None else direct + shared, NO_PRICE, caveat),
        usd(direct, NO_PRICE, caveat),
        usd(shared, ""),
    )


# --- the other dimensions


def names_section(margin: Margin) -> Section:
    """Tasks, features, plans, models or services, losses first, with the rule by which revenue came to them."""
    dimension = margin.dimension
    lines = sorted((line for line in margin.lines if line.name), key=lambda line: line.rank)
    nobody = [line for line in margin.lines if not line.name]
    others = lines[margin.top :]
    has_outcomes = any(line.outcomes for line in margin.lines)
    has_unknown = any(line.unknown_cost for line in margin.lines)
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
        Column("cost_usd", "LLM cost, revenue known" if has_unknown else "LLM cost"),
        Column("direct_usd", "direct", rank=4 if margin.shared_costs else DATA_RANK),
        Column("shared_usd", "shared", rank=4 if margin.shared_costs else DATA_RANK),
        Column("margin_usd", "margin"),
        Column("margin_share", "margin %"),
        Column("unknown_usd", "LLM cost, revenue unknown", rank=0 if has_unknown else DATA_RANK),
        Column("outcomes", "outcomes", rank=outcome_rank),
        Column("per_success_usd", "$ per success", rank=outcome_rank),
        _unpriced_column(margin.lines),
    )
    summed = ("revenue_usd", "cost_usd", "direct_usd", "shared_usd", "unknown_usd", "margin_usd")
    has_hidden = any(line.is_undivided for line in margin.lines)
    table = Table(
        f"margin_by_{dimension}", dimension, columns, tuple(rows), summed=summed[:-1] if has_hidden else summed
    )
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
        *_money(line, _margin_cost_cells(line, LEAVES_OUT if line.gap.unpriced else "")),
        _unknown_cell(line.unknown_cost, line.measures.count("unknown_unpriced")),
        *_outcome_cells(line.cost, line.outcomes, line.successes, line.measures.gap),
        count(line.measures.unpriced),
    )
    return Row(line.name or f"(no {dimension})", cells, kind="" if line.name else "rest")


def _outcome_cells(cost: Decimal | None, outcomes: int, successes: int, gap: Gap) -> tuple[Cell, Cell]:
    if not successes:
        return count(outcomes), Unknown(NO_PRICE if cost is None else "no success was reported")
    each = None if cost is None else cost / successes
    return count(outcomes), bounded(each, "usd", gap, "at least", NO_PRICE)


def _unknown_cell(cost: Decimal, unpriced: int) -> Cell:
    """Cost of customers whose revenue is unknown; nothing is known of it where none of their calls has a price."""
    if unpriced and not cost:
        return Unknown(NO_PRICE)
    return usd(cost, "", LEAVES_OUT if unpriced else "")


def _undivided_row(dimension: str, amount: Decimal) -> Row:
    empty = Text("")
    cells = (
        Text(f"(of no {dimension})", "quiet"), empty, usd(amount, ""), empty, empty, empty, Unknown(_BY_COST),
        Unknown(_BY_COST), empty, empty, empty, empty,
    )  # fmt: skip
    return Row("(not divided)", cells, kind="rest")


def _names_row(title: str, key: str, lines: Sequence[Line], kind: Any, undivided: Decimal = _ZERO) -> Row:
    group = _Group(lines, undivided)
    is_whole = kind == "total" or not any(line.is_undivided for line in lines)
    reason = UNKNOWN_REVENUE if group.revenue is None else _BY_COST
    cells = (
        Text(title, "quiet" if kind == "rest" else ""),
        count(sum(line.measures.calls for line in lines)),
        usd(group.revenue, reason),
        *_margin_cost_cells(group, LEAVES_OUT if group.gap.unpriced else ""),
        bounded(group.most if is_whole else None, "usd", group.gap, "at most", reason),
        of_revenue(group, reason) if is_whole else Unknown(reason),
        _unknown_cell(group.unknown_cost, sum(line.measures.count("unknown_unpriced") for line in lines)),
        *_outcome_cells(
            group.cost,
            sum(line.outcomes for line in lines),
            sum(line.successes for line in lines),
            together(line.measures.gap for line in lines),
        ),
        count(sum(line.measures.unpriced for line in lines)),
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
    outcomes, successes = int(row["outcomes"]), int(row["successes"])
    cost, gap = (line.direct, line.gap) if row["task"] else (None, NONE)
    reason = NO_PRICE if row["task"] else "it names no task, nor a call of one"
    no_success = reason if cost is None else "n/a: no success"
    each, per_success = (None if cost is None or not n else cost / n for n in (outcomes, successes))
    cells = (
        Text(str(row["outcome"])),
        name_cell("task", str(row["task"])),
        count(outcomes),
        count(successes),
        share(successes, outcomes, ""),
        usd(row["value_usd"], "no value was given"),
        usd(cost, reason, line.measures.caveat),
        bounded(each, "usd", gap, "at least", reason),
        bounded(per_success, "usd", gap, "at least", no_success) if successes else Unknown(no_success),
    )
    return Row(f"{row['outcome']}/{row['task']}", cells)
