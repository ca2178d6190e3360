"""Owns the boards about money: overview and margin, customers."""

from __future__ import annotations

from typing import Final

from .board import VALUE, board, link
from .parts import (
    EVERY,
    FILTERED,
    FILTERS,
    LEAST,
    SPARK_HEIGHT,
    Json,
    bars,
    chosen,
    coloured,
    column,
    outside,
    section,
    series,
    shown,
    stat,
    steps,
    summed,
    table,
)

SPAN: Final = "cast($__timeFrom() as timestamp), cast($__timeTo() as timestamp)"
_LONG_BEFORE: Final = (
    "cast($__timeFrom() as timestamp) - (cast($__timeTo() as timestamp) - cast($__timeFrom() as timestamp))"
)
BEFORE: Final = f"{_LONG_BEFORE}, cast($__timeFrom() as timestamp)"
LENGTH_S: Final = "epoch(cast($__timeTo() as timestamp) - cast($__timeFrom() as timestamp))"
# Of the range and as long before it; what calls are in is told by is_now.
_BOTH: Final = f"started_at >= {_LONG_BEFORE} and started_at <= $__timeTo() and {FILTERS}"
UNPRICED: Final = " At most that where a call has no price; unknown where more than 1 % of the calls have none."
LOSS: Final = steps((None, "text"), (LEAST, "red"), (0, "text"))
MARGIN: Final = steps((None, "text"), (LEAST, "red"), (0, "orange"), (0.5, "green"))
_FACTS: Final = f"call_facts where {FILTERED}"
SPEND: Final = summed("cast(sum(cost_usd) as double)", _FACTS)
_TOTAL: Final = f"from margin_total({SPAN}, [$customer])"
_BY_CUSTOMER: Final = f"Revenue and margin: {outside('customer')}"


def over_time(
    name: str, value: str, title: str, description: str, unit: str, facts: str = f"call_facts where {FILTERED}"
) -> Json:
    """Stacked bars of a sum over time, the five names with the most of it apart and all others as one."""
    return series(
        title,
        description,
        f"""
with facts as (
    select $__timeGroupAlias(started_at,$__interval), coalesce({name}, '') as name, sum({value}) as value
    from {facts} group by 1, 2
),
named as (select name from facts group by name having sum(value) > 0 order by sum(value) desc, name limit 5)
select "time", if(name in (from named), {shown("name")}, 'all others') as metric,
    cast(coalesce(sum(value), 0) as double) as value
from facts group by 1, 2 order by 1, 2""",
        unit=unit,
        is_bars=True,
        is_stacked=True,
        points=28,
        overrides=[coloured("all others", "gray")],
    )


def overview() -> Json:
    """What was earned, spent and kept, and where it went."""
    return board(
        "overview",
        "What was earned, what the calls cost, what remained, and where the money went.",
        [
            (1, [section(_BY_CUSTOMER)]),
            (4, _margin_head()),
            (9, [(12, money_over_time()), (12, _money())]),
            (1, [section(f"Spend: {EVERY}")]),
            (SPARK_HEIGHT, _spend_head()),
            (
                9,
                [
                    over_time(
                        "model",
                        "cost_usd",
                        "Spend by model",
                        "Cost of the calls that began in each interval, by the model that answered; the five dearest and "
                        "all others. Reported usage at the price of its day; calls without a price are in no bar.",
                        "currencyUSD",
                    ),
                    _tasks(),
                ],
            ),
            (9, [_movers(), _sunset()]),
            (1, [section(f"Customers: {outside('customer')}")]),
            (9, [customer_table("Customers, greatest loss first, then the lowest margin", 12, board_of_click="tasks")]),
        ],
    )


def _money_stat(title: str, description: str, name: str, *, thresholds: Json = LOSS, no_value: str = "unknown") -> Json:
    return stat(
        title,
        description,
        f"select {name} {_TOTAL}",
        unit="currencyUSD",
        thresholds=thresholds,
        link=link("customers"),
        no_value=no_value,
    )


def _margin_head() -> list[Json]:
    return [
        _money_stat(
            "Revenue",
            "Revenue recognised in the time range from customers, by the second: what `llmwatch report` calls revenue.",
            "revenue_usd",
        ),
        _money_stat(
            "LLM gross margin",
            "Revenue of the customers whose revenue is known, minus the direct and shared LLM cost of the same customers."
            + UNPRICED,
            "margin_usd",
        ),
        stat(
            "Margin of revenue",
            "LLM gross margin over revenue, both of the time range." + UNPRICED,
            f"select margin_share {_TOTAL}",
            unit="percentunit",
            decimals=1,
            thresholds=MARGIN,
            link=link("customers"),
            no_value="unknown",
        ),
        _money_stat(
            "Lost on customers",
            "Sum of the negative margins of the customers whose LLM cost was more than their revenue.",
            "lost_usd",
            thresholds=steps((None, "green"), (1e-12, "red")),
        ),
        _money_stat(
            "Cost without a customer",
            "LLM cost of calls that name no customer: in no margin. Tag them with llmwatch.customer().",
            "unattributed_usd",
            thresholds=steps((None, "green"), (1e-12, "orange")),
        ),
    ]


def _spend_head() -> list[Json]:
    return [
        stat(
            "LLM spend",
            "Sum of the cost of the calls: reported usage at the price of its day. Calls without a price are left out "
            "and counted on the right.",
            SPEND,
            unit="currencyUSD",
            link=link("tasks"),
            no_value="$0",
            is_sum=True,
        ),
        stat(
            "Against the time before",
            "Spend of the time range less that of as long a time before it, over the latter. Nothing is said where nothing "
            "was spent before.",
            f"""
select (coalesce(sum(cost_usd) filter (where is_now), 0) - sum(cost_usd) filter (where not is_now))
    / nullif(cast(sum(cost_usd) filter (where not is_now) as double), 0) as change
from (select cost_usd, started_at >= $__timeFrom() as is_now from call_facts where {_BOTH})""",
            unit="percentunit",
            decimals=1,
            no_value="nothing before",
        ),
        stat(
            "A month at this pace",
            "LLM spend of the time range, times 30.4375 days over the days that had passed of it since the first call; "
            "nothing is said within a day of that. A task that began a day or more inside the range counts from there, one "
            "without a call in the last 7 days, or in the last half of a shorter range, not at all.",
            f"""
with ends as (
    select min(started_at) as first, cast($__timeFrom() as timestamp) as a, cast($__timeTo() as timestamp) as b from calls
),
tasks as (
    select task, cast(sum(cost_usd) as double) as spend, min(started_at) as first_at, max(started_at) as last_at
    from call_facts where {FILTERED} group by task
),
paces as (
    select spend, b, last_at,
        if(first_at > greatest(a, first) + interval 1 day, first_at, greatest(a, first)) as since,
        least(interval 7 day, (b - a) / 2) as quiet
    from tasks, ends
)
select if((select b < first + interval 1 day from ends), null,
    coalesce(sum(spend * 30.4375 * 86400 / greatest(epoch(b - since), 86400)) filter (where b - last_at <= quiet), 0)) as spend
from paces""",
            unit="currencyUSD",
            no_value="too early",
        ),
        stat(
            "Calls",
            "Logical calls: retries of one call are one call.",
            summed("sum(call_count)", _FACTS),
            no_value="0",
            link=link("calls"),
            is_sum=True,
        ),
        stat(
            "Unpriced calls",
            "Calls that may have been billed and have no price here: in no total. `llmwatch doctor` names their models.",
            summed("sum(call_count) filter (where is_unpriced)", _FACTS),
            no_value="0",
            is_sum=True,
            thresholds=steps((None, "green"), (1, "orange")),
            link=link("calls", status="unpriced"),
        ),
    ]


def money_over_time() -> Json:
    """Revenue, cost and what remains."""
    return series(
        "Revenue, LLM cost and margin",
        "In each of about 60 equal steps: revenue recognised by the second, the direct and shared cost of the customers "
        "whose revenue is known, and the difference. The steps add up to the figures above. Where the range has refunds, "
        "they stand apart, on a scale of their own on the right. Dashed: the margin that target_margin asks for."
        + UNPRICED,
        f"""
with steps as materialized (
    from margin_over_time({SPAN}, greatest(cast($__interval_ms / 1000 as bigint), 60), [$customer])
),
names as (select if(coalesce(min(refunds_usd), 0) < 0, ' before refunds', '') as words from steps)
select "time", 'revenue' || words as metric, revenue_usd - refunds_usd as value from steps, names
union all select "time", 'LLM cost', cost_usd from steps
union all select "time", 'margin' || words, margin_usd - refunds_usd from steps, names
union all select "time", 'refunds', refunds_usd from steps, names where words <> ''
union all select "time", 'target margin', (revenue_usd - refunds_usd) * try_cast(value as double)
    from steps, meta where key = 'target_margin' and value <> ''
order by 1, 2""",
        unit="currencyUSD",
        has_zero=False,
        points=60,
        overrides=[
            *(coloured(f"revenue{words}", "blue") for words in ("", " before refunds")),
            coloured("LLM cost", "orange"),
            *(coloured(f"margin{words}", "green", fillOpacity=15) for words in ("", " before refunds")),
            coloured("refunds", "red", drawStyle="bars", fillOpacity=60, lineWidth=0, axisPlacement="right"),
            coloured("target margin", "text", lineWidth=1, lineStyle={"fill": "dash", "dash": [6, 6]}),
        ],
    )


def _money() -> Json:
    row = "select {place} as place, '{words}' as money, {now} as now, {then} as before"
    wanted = [
        ("Revenue recognised", "n.revenue_usd", "b.revenue_usd"),
        ("LLM cost of who pays it", "n.direct_usd", "b.direct_usd"),
        ("Shared cost of who pays it", "n.shared_usd", "b.shared_usd"),
        ("LLM gross margin", "n.margin_usd", "b.margin_usd"),
        ("Lost on customers below zero", "n.lost_usd", "b.lost_usd"),
        ("LLM cost of unknown revenue", "n.unknown_usd", "b.unknown_usd"),
        ("LLM cost, no customer", "n.unattributed_usd", "b.unattributed_usd"),
    ]
    rows = "\nunion all ".join(
        row.format(place=place, words=words, now=now, then=then) + " from n, b"
        for place, (words, now, then) in enumerate(wanted, 1)
    )
    return table(
        "Money, against the time before",
        "The report's lines for the time range and for as long a time before it. Cost of customers whose revenue nobody "
        "knows, and of calls without a customer, is in no margin." + UNPRICED,
        f"""
with n as materialized (from margin_total({SPAN}, [$customer])),
b as materialized (from margin_total({BEFORE}, [$customer])),
lines as (
{rows}
union all select 8, 'Replays and judges, of all customers', (
    select coalesce(sum(cost), 0) from (
        select max(cast(cost_usd as double)) as cost from replays where $__timeFilter(recorded_at) group by replay_id
        union all
        select max(cast(cost_usd as double)) from judgements where $__timeFilter(recorded_at) group by judgement_id
    )
), null
)
select money as "money", now as "this range", before as "before", now - before as "change",
    if(before > 0 and now >= 0, (now - before) / before, null) as "change %"
from lines order by place""",
        [
            column("money", width=235),
            column("this range", "currencyUSD", width=95),
            column("before", "currencyUSD", width=95),
            column("change", "currencyUSD", width=95),
            column("change %", "percentunit", decimals=1, width=80),
        ],
    )


def _tasks() -> Json:
    return bars(
        "Spend by task",
        "Cost of the calls of each task in the time range, the twelve dearest. A task is the tag of a call, or what "
        "llmwatch recognised it as.",
        f"""
select {shown("task")} as task, cast(sum(cost_usd) as double) as "spend"
from call_facts where {FILTERED} group by task having sum(cost_usd) > 0 order by 2 desc, 1 limit 12""",
        unit="currencyUSD",
        link=link("tasks"),
    )


def _movers() -> Json:
    kinds = "\nunion all ".join(
        f"select '{name}' as kind, {name} as name, {place} as place,"
        " cast(coalesce(sum(cost_usd) filter (where is_now), 0) as double) as now,"
        " cast(coalesce(sum(cost_usd) filter (where not is_now), 0) as double) as before"
        f" from facts group by {name}"
        for place, name in enumerate(("task", "model", "customer", "feature"), 1)
    )
    return table(
        "What moved most",
        "Spend of the time range against as long a time before it: of each kind of name the three whose spend changed most. "
        "What moved a task moved its model and its customers too, so the lines do not add up.",
        f"""
with facts as (
    select task, model, customer, feature, cost_usd, started_at >= $__timeFrom() as is_now from call_facts where {_BOTH}
),
sums as (
{kinds}
)
select kind as "kind", {shown("name")} as "name", now - before as "change", now as "this range", before as "before"
from sums where now <> before
qualify row_number() over (partition by kind order by abs(now - before) desc, name) <= 3
order by abs(now - before) desc, place, 2""",
        [
            column("kind", width=80),
            column("name", width=200),
            column("change", "currencyUSD", width=95),
            column("this range", "currencyUSD", width=95),
            column("before", "currencyUSD", width=95),
        ],
        no_value="",
    )


def customer_table(title: str, limit: int, *, board_of_click: str) -> Json:
    """The lines of customers, worst first."""
    return table(
        title,
        "Revenue recognised in the time range, minus the customer's direct LLM cost and its part of shared cost. Unknown "
        "revenue is a dash, never 0. A click leads to the customer's calls." + UNPRICED,
        f"""
select {shown("c.customer")} as "customer", c.margin_usd as "margin", c.margin_share as "of revenue",
    c.revenue_usd as "revenue", c.cost_usd as "LLM cost", c.direct_usd as "direct", c.shared_usd as "shared",
    c.calls as "calls", c.unpriced_calls as "unpriced",
    c.cost_usd / nullif(c.calls - c.unpriced_calls, 0) * 1000 as "$ per 1,000", coalesce(c.plan, '') as "plan"
from margin_by_customer({SPAN}) as c
where {chosen("customer", "c.customer")}
order by case when c.most_usd < 0 then 0 when c.margin_usd is null then 2 else 1 end,
    if(c.most_usd < 0, c.most_usd, null), c.margin_share nulls last, c.cost_usd desc nulls last, c.customer
limit {limit}""",
        [
            column("customer", link=link(board_of_click, customer=VALUE), width=180),
            column("margin", "currencyUSD", thresholds=LOSS, width=105),
            column("of revenue", "percentunit", thresholds=MARGIN, decimals=1, width=100),
            column("revenue", "currencyUSD", width=105),
            column("LLM cost", "currencyUSD", width=105),
            column("direct", "currencyUSD", width=100),
            column("shared", "currencyUSD", width=100),
            column("calls", "locale", width=85),
            column("unpriced", "locale", width=90, thresholds=steps((None, "text"), (1, "orange"))),
            column("$ per 1,000", "currencyUSD", width=105),
            column("plan", width=100),
        ],
    )


def _sunset() -> Json:
    return table(
        "Models that stop answering",
        "Models of the time range with an announced shutdown date, the soonest first, and what was spent on them. Dates "
        "are those of the catalogue of this llmwatch: `llmwatch sunset`.",
        f"""
select strftime(s.shutdown_on, '%Y-%m-%d') as "stops on", s.shutdown_on - current_date as "days left",
    {shown("f.model")} as "model",
    f.calls as "calls", f.spend as "spend", f.spend / nullif(sum(f.everything) over (), 0) as "of spend"
from (
    select model, sum(call_count) as calls, cast(sum(cost_usd) as double) as spend, cast(sum(cost_usd) as double) as everything
    from call_facts where {FILTERED} group by model
) as f left join shutdowns as s on s.model = f.model
qualify s.shutdown_on is not null
order by s.shutdown_on, f.spend desc nulls last, f.model""",
        [
            column("stops on", width=105),
            column("days left", width=90, thresholds=steps((None, "red"), (60, "orange"), (180, "text"))),
            column("model", link=link("calls", model=VALUE), width=170),
            column("calls", "locale", width=70),
            column("spend", "currencyUSD", width=80),
            column("of spend", "percentunit", decimals=1, width=80),
        ],
        no_value="",
    )


def customers() -> Json:
    """Who earns and who costs."""
    head = _margin_head()
    return board(
        "customers",
        "What each customer earned and cost. Margin is after LLM cost only.",
        [
            (1, [section(_BY_CUSTOMER)]),
            (
                4,
                [
                    *head[:3],
                    stat(
                        "Customers below zero",
                        "Customers whose LLM cost was more than their revenue in the time range.",
                        f"select losing_customers {_TOTAL}",
                        thresholds=steps((None, "green"), (1, "red")),
                        no_value="unknown",
                    ),
                    *head[3:],
                ],
            ),
            (
                13,
                [customer_table("Customers, greatest loss first, then the lowest margin", 200, board_of_click="calls")],
            ),
            (9, [money_over_time()]),
            (1, [section(f"Calls of these customers: {EVERY}")]),
            (
                9,
                [
                    (
                        6,
                        stat(
                            "Customers with calls",
                            "Different customers that calls in the time range name.",
                            f"select count(distinct customer) as customers from call_facts where {FILTERED}",
                        ),
                    ),
                    (
                        18,
                        over_time(
                            "customer",
                            "cost_usd",
                            "Spend by customer",
                            "Cost of the calls that began in each interval, the five dearest customers and all others.",
                            "currencyUSD",
                        ),
                    ),
                ],
            ),
            (7, [(12, _tasks_of_customers()), (12, _outcomes())]),
        ],
    )


def _tasks_of_customers() -> Json:
    return bars(
        "Spend of these customers, by task",
        "Cost of the calls of each task in the time range with the filters of this board.",
        f"""
select {shown("task")} as task, cast(sum(cost_usd) as double) as "spend"
from call_facts where {FILTERED} group by task having sum(cost_usd) > 0 order by 2 desc, 1 limit 8""",
        unit="currencyUSD",
        link=link("tasks"),
    )


def _outcomes() -> Json:
    return table(
        "Outcomes",
        "What code reported with llmwatch.outcome() in the time range. Worth is the value given with successes.",
        f"""
select outcome as "outcome", {shown("task")} as "task", count(*) as "reported",
    count(*) filter (where is_success) as "succeeded",
    count(*) filter (where is_success) / count(*) as "of reported",
    cast(sum(value_usd) filter (where is_success) as double) as "worth"
from outcomes where $__timeFilter(occurred_at) and {FILTERS}
group by 1, 2 order by 3 desc, 1, 2 limit 50""",
        [
            column("outcome"),
            column("task", link=link("tasks", task=VALUE)),
            column("of reported", "percentunit", decimals=1),
            column("worth", "currencyUSD"),
        ],
    )
