"""Owns margin: what each customer, task, feature, plan, model or service earned, what it cost, and what remained.

Margin is after LLM cost only, revenue - direct cost - shared cost. Revenue that nobody knows is unknown, never 0; cost
that names no customer stands alone and is spread over nobody; what replays and judges cost is in no margin. Calls
without a price make a margin a bound, and above 1 % of the calls unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from .measures import Measures
from .spend import Period
from .unpriced import NONE, Gap, together

DIMENSIONS: Final = ("customer", "task", "feature", "plan", "model", "service")
Rows = Sequence[Mapping[str, Any]]
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One name's money in a period; a revenue of None is unknown."""

    name: str
    measures: Measures
    revenue: Decimal | None
    shared: Decimal = _ZERO
    plan: str = ""
    # False for a customer that no call of the store names.
    is_in_calls: bool = True
    # Direct and shared cost of customers whose revenue nobody knows: in the cost, not in the margin; its direct part.
    unknown_cost: Decimal = _ZERO
    unknown_direct: Decimal = _ZERO
    # True if a part of its revenue could only be divided by share of cost.
    is_undivided: bool = False
    outcomes: int = 0
    successes: int = 0
    # What its calls cost; None where none of them has a price.
    direct: Decimal | None = field(init=False)
    # Direct and shared cost: also the price at which it would break even.
    cost: Decimal | None = field(init=False)
    # What remains of its revenue if its unpriced calls were free; None where its revenue is unknown.
    most: Decimal | None = field(init=False)
    # The calls of customers whose revenue is known: those whose cost is in the margin.
    gap: Gap = field(init=False)

    def __post_init__(self) -> None:
        """Computed once: thousands of customers are sorted and summed by them several times over."""
        direct, count = self.measures.spend, self.measures.count
        cost = None if direct is None else direct + self.shared
        most = None
        if self.revenue is not None and not self.is_undivided:
            most = self.revenue - ((direct or _ZERO) + self.shared - self.unknown_cost)
        gap = Gap(self.measures.calls - count("unknown_calls"), self.measures.unpriced - count("unknown_unpriced"))
        object.__setattr__(self, "direct", direct)
        object.__setattr__(self, "cost", cost)
        object.__setattr__(self, "most", most)
        object.__setattr__(self, "gap", gap)

    @property
    def direct_in_margin(self) -> Decimal | None:
        """What the calls of customers whose revenue is known cost; None where none of those has a price."""
        known = (self.direct or _ZERO) - self.unknown_direct
        return None if not known and self.gap.unpriced else known

    @property
    def shared_in_margin(self) -> Decimal:
        """The same of its shared cost."""
        return self.shared - (self.unknown_cost - self.unknown_direct)

    @property
    def margin(self) -> Decimal | None:
        """What remains of its revenue, at most where a call has no price; None where too many have none."""
        return None if self.gap.is_unknown else self.most

    @property
    def share(self) -> Decimal | None:
        """The margin as a share of revenue; None unless there is revenue."""
        return of_money(self.margin, self.revenue)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Losses first, the greatest before the others; then the lowest share; names decide between equals."""
        margin, share = self.margin, self.share
        if self.most is not None and self.most < 0:
            # A loss whatever its unpriced calls cost.
            return (0, self.most, self.name)
        if margin is None:
            return (2, -(self.cost or _ZERO), self.name)
        return (1, share if share is not None else Decimal(2), margin, self.name)


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over all customers of one period."""

    # Of the customers whose revenue is known, those that no call names among them.
    revenue: Decimal | None
    # None where none of their calls has a price.
    direct: Decimal | None
    shared: Decimal
    # Cost, and shared cost, of customers whose revenue is unknown, and of calls that name no customer.
    unknown: Decimal
    unattributed: Decimal
    # Revenue that names no customer.
    unowned: Decimal
    leakage: Decimal
    # The calls of customers whose revenue is known, and of no customer: they may be of one that pays.
    gap: Gap = NONE
    unknown_gap: Gap = NONE
    unattributed_gap: Gap = NONE

    @property
    def most(self) -> Decimal | None:
        """What remains of known revenue after the cost of the customers that pay it, unpriced calls being free."""
        return None if self.revenue is None else self.revenue - (self.direct or _ZERO) - self.shared

    @property
    def margin(self) -> Decimal | None:
        """The same, at most where a call has no price; None where too many have none."""
        return None if self.gap.is_unknown else self.most

    @property
    def share(self) -> Decimal | None:
        """The margin over the sum of revenue, never a mean of percentages; None unless there is revenue."""
        return of_money(self.margin, self.revenue)

    @property
    def least(self) -> Decimal | None:
        """The margin if nothing were earned with the cost that is in no margin."""
        return None if self.most is None else self.most + self.unowned - self.unknown - self.unattributed


@dataclass(frozen=True, slots=True)
class Margin:
    """Everything about the margin of a period: the question, the customers, the names asked for."""

    period: Period
    dimension: str
    customers: tuple[Line, ...]
    before: tuple[Line, ...]
    # Those of the dimension; the customers themselves where it is customer.
    lines: tuple[Line, ...]
    top: int
    # Rows of the queries of these names.
    shared_costs: Rows = ()
    outcomes: Rows = ()
    knowing: Mapping[str, Any] = field(default_factory=dict[str, Any])
    knowing_before: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unlinked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    # Shared cost that nothing could divide, for there was no call.
    undivided_shared: Decimal = _ZERO
    # How revenue without a task is divided: cost, calls or tokens.
    revenue_by: str = "cost"
    target: Decimal | None = None
    first_call_at: datetime | None = None
    hindrances: tuple[str, ...] = ()
    flags: str = ""
    now_totals: Totals = field(init=False)
    before_totals: Totals = field(init=False)
    before_by_name: Mapping[str, Line] = field(init=False)

    def __post_init__(self) -> None:
        """The sums of both periods, and who was there before."""
        object.__setattr__(self, "before_by_name", {line.name: line for line in reversed(self.before)})
        object.__setattr__(self, "now_totals", totals(self.customers))
        object.__setattr__(self, "before_totals", totals(self.before))

    @property
    def is_comparable(self) -> bool:
        """The store holds the whole period before."""
        return self.first_call_at is not None and self.first_call_at <= self.period.previous_since + timedelta(hours=24)

    @property
    def undivided(self) -> Decimal:
        """Known revenue of the period that no name of the dimension was given."""
        everything = (self.now_totals.revenue or _ZERO) + self.now_totals.unowned
        return everything - sum((line.revenue or _ZERO for line in self.lines), _ZERO)


def dollars(nano: Decimal | int | None) -> Decimal | None:
    """Dollars of whole nano-dollars, exact."""
    return None if nano is None else Decimal(nano).scaleb(-9)


def margin_lines(rows: Rows, shared_costs: Rows, *, is_customer: bool) -> tuple[tuple[Line, ...], Decimal]:
    """A line per row, with its part of every shared cost, and what nothing could divide; the parts add up exactly."""
    lines = [_line(row, is_customer) for row in sorted(rows, key=lambda row: str(row["name"]))]
    undivided = _ZERO
    for cost in shared_costs:
        weights = [weight for line in lines for weight in _weights(line, str(cost["divided_by"]))]
        parts = divided(int(cost["cost_nano"]), weights)
        if parts is None:
            undivided += dollars(cost["cost_nano"]) or _ZERO
            continue
        lines = [_with_shared(line, *parts[2 * n : 2 * n + 2]) for n, line in enumerate(lines)]
    return tuple(lines), undivided


def divided(amount: int, weights: Sequence[int]) -> list[int] | None:
    """Whole parts in proportion to the weights that add up to the amount; None if all weights are 0."""
    whole = sum(weights)
    if not whole:
        return None
    parts: list[int] = []
    upto = given = 0
    for weight in weights:
        upto += weight
        parts.append(amount * upto // whole - given)
        given += parts[-1]
    return parts


def _weights(line: Line, by: str) -> tuple[int, int]:
    """What its known customers and those of unknown revenue have of the key."""
    if by == "spend":
        whole, unknown = (int(Decimal(v or 0).scaleb(12)) for v in (line.direct, line.measures["unknown_usd"]))
    else:
        whole, unknown = (line.measures.count(key) for key in (by, f"unknown_{by}"))
    return whole - unknown, unknown


def _with_shared(line: Line, known: int, unknown: int) -> Line:
    parts = [Decimal(part).scaleb(-9) for part in (known, unknown)]
    return replace(line, shared=line.shared + sum(parts), unknown_cost=line.unknown_cost + parts[1])


def _line(row: Mapping[str, Any], is_customer: bool) -> Line:
    measures, revenue = Measures(row), dollars(row["revenue_nano"])
    if is_customer:
        return Line(row["name"], measures, revenue, plan=row["plan"] or "", is_in_calls=row["is_in_calls"])
    known_calls = measures.calls - measures.count("unknown_calls")
    if revenue is None and not row.get("undivided_calls") and known_calls:
        # Its customers pay, and all of what they pay is for something else.
        revenue = _ZERO
    return Line(
        name=str(row["name"]),
        measures=measures,
        revenue=revenue,
        plan=str(row.get("plan") or ""),
        is_in_calls=bool(row.get("is_in_calls", True)),
        unknown_cost=Decimal(row.get("unknown_usd") or 0),
        unknown_direct=Decimal(row.get("unknown_usd") or 0),
        is_undivided=bool(row.get("undivided_calls")),
        outcomes=int(row.get("outcomes") or 0),
        successes=int(row.get("successes") or 0),
    )


def totals(customers: Sequence[Line]) -> Totals:
    """The sums over the customers of one period; '' is no customer."""
    named = [line for line in customers if line.name]
    known = [line for line in named if line.revenue is not None]
    nobody = [line for line in customers if not line.name]
    silent = [line for line in named if line.revenue is None]
    losses = [line.most for line in known if line.most is not None and line.most < 0]
    return Totals(
        revenue=sum((line.revenue for line in known if line.revenue is not None), _ZERO) if known else None,
        direct=known_sum(line.direct for line in known),
        shared=_sum(line.shared for line in known),
        unknown=_sum((line.direct or _ZERO) + line.shared for line in silent),
        unattributed=_sum((line.direct or _ZERO) + line.shared for line in nobody),
        unowned=_sum(line.revenue for line in nobody),
        leakage=-sum(losses, _ZERO),
        gap=together(line.gap for line in (*known, *nobody)),
        unknown_gap=together(line.gap for line in silent),
        unattributed_gap=together(line.gap for line in nobody),
    )


def known_sum(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None where nothing of it is, 0 of nothing."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known, _ZERO) if known or not found else None


def of_money(amount: Decimal | None, revenue: Decimal | None) -> Decimal | None:
    """The amount as a share of the revenue; None unless there is revenue."""
    return amount / revenue if amount is not None and revenue and revenue > 0 else None


def _sum(values: Any) -> Decimal:
    return sum((value for value in values if value is not None), _ZERO)
