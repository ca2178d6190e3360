"""Owns the boards about money: overview and margin, customers."""

from __future__ import annotations

from typing import Final

from .board import VALUE, board, link
from .parts import FILTERED, LEAST, Json, bars, chosen, coloured, column, series, stat, steps, table

SPAN: Final = "cast($__timeFrom() as timestamp), cast($__timeTo() as timestamp)"
BEFORE: Final = (
    "cast($__timeFrom() as timestamp) - (cast($__timeTo() as timestamp) - cast($__timeFrom() as timestamp)),"
    " cast($__timeFrom() as timestamp)"
)
LENGTH_S: Final = "epoch(cast($__timeTo() as timestamp) - cast($__timeFrom() as timestamp))"
ALL_CALLS: Final = " Of all calls in the time range: the filters by task, model and service do not apply."
UNPRICED: Final = " At most that where a call has no price; unknown where more than 1 % of the calls have none."
LOSS: Final = steps((None, "text"), (LEAST, "red"), (0, "text"))
MARGIN: Final = steps((None, "text"), (LEAST, "red"), (0, "orange"), (0.5, "green"))
SPEND: Final = f"select cast(sum(cost_usd) as double) as spend from call_facts where {FILTERED}"


def over_time(name: str, value: str, title: str, description: str, unit: str, top: int = 5) -> Json:
    """Stacked bars of a sum over time, the names with the most of it apart and all others as one."""
    return series(
        title,
        description,
        f"""
with facts as (select started_at, coalesce({name}, '(none)') as name, {value} as value from call_facts where {FILTERED}),
named as (select name from facts group by name having sum(value) > 0 order by sum(value) desc, name limit {top})
select $__timeGroupAlias(started_at,$__interval),
    if(name in (from named), name, 'all others') as metric,
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
            (4, _head()),
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
                    money_over_time(),
                ],
            ),
            (10, [(13, _money()), (11, _tasks())]),
            (9, [(13, _losses()), (11, _sunset())]),
        ],
    )


def _head() -> list[Json]:
    total = f"from margin_total({SPAN})"
    return [
        stat(
            "Revenue",
            "Revenue recognised in the time range from customers, by the second: what `llmwatch report` calls revenue."
            + ALL_CALLS,
            f"select revenue_usd {total}",
            unit="currencyUSD",
            decimals=2,
            link=link("customers"),
            no_value="unknown",
        ),
        stat(
            "LLM spend",
            "Sum of the cost of the calls: reported usage at the price of its day. Calls without a price are left out "
            "and counted on the right.",
            SPEND,
            unit="currencyUSD",
            link=link("tasks"),
            no_value="$0",
        ),
        stat(
            "LLM gross margin",
            "Revenue of the customers whose revenue is known, minus the direct and shared LLM cost of the same customers."
            + UNPRICED
            + ALL_CALLS,
            f"select margin_usd {total}",
            unit="currencyUSD",
            decimals=2,
            thresholds=LOSS,
            link=link("customers"),
            no_value="unknown",
        ),
        stat(
            "Margin of revenue",
            "LLM gross margin over revenue, both of the time range." + UNPRICED + ALL_CALLS,
            f"select margin_share {total}",
            unit="percentunit",
            decimals=1,
            thresholds=MARGIN,
            link=link("customers"),
            no_value="unknown",
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
            "Unpriced calls",
            "Calls that may have been billed and have no price here: in no total. `llmwatch doctor` names their models.",
            f"select coalesce(sum(call_count) filter (where is_unpriced), 0) as calls from call_facts where {FILTERED}",
            thresholds=steps((None, "green"), (1, "orange")),
            link=link("calls"),
        ),
    ]


def money_over_time() -> Json:
    """Revenue, direct cost and what remains."""
    return series(
        "Revenue, LLM cost and margin",
        "In each of about 60 equal steps: revenue recognised by the second, the cost of the calls of customers whose revenue is known, and "
        "the difference. Shared cost is in none of them." + UNPRICED + ALL_CALLS,
        f"""
select "time", revenue_usd as "revenue", cost_usd as "LLM cost", margin_usd as "margin"
from margin_over_time({SPAN}, greatest(cast($__interval_ms / 1000 as bigint), 60))
order by 1""",
        unit="currencyUSD",
        has_zero=False,
        points=60,
        overrides=[
            coloured("revenue", "blue"),
            coloured("LLM cost", "orange"),
            coloured("margin", "green", fillOpacity=15),
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
        "knows, and of calls without a customer, is in no margin." + UNPRICED + ALL_CALLS,
        f"""
with n as materialized (from margin_total({SPAN})),
b as materialized (from margin_total({BEFORE})),
lines as (
{rows}
union all select 8, 'Cost of knowing (replays, judges)', (
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
            column("money", width=260),
            column("this range", "currencyUSD", decimals=2),
            column("before", "currencyUSD", decimals=2),
            column("change", "currencyUSD", decimals=2),
            column("change %", "percentunit", decimals=1),
        ],
    )


def _tasks() -> Json:
    return bars(
        "Spend by task",
        "Cost of the calls of each task in the time range, the twelve dearest. A task is the tag of a call, or what "
        "llmwatch recognised it as.",
        f"""
select coalesce(task, '(none)') as task, cast(sum(cost_usd) as double) as "spend"
from call_facts where {FILTERED} group by 1 having sum(cost_usd) > 0 order by 2 desc, 1 limit 12""",
        unit="currencyUSD",
        link=link("tasks"),
    )


def _losses() -> Json:
    return customer_table("Customers, greatest loss first, then the lowest margin", 12, is_short=True)


def customer_table(title: str, limit: int, *, is_short: bool = False) -> Json:
    """The lines of customers, worst first."""
    more = "" if is_short else 'c.direct_usd as "direct", c.shared_usd as "shared",'
    each = "" if is_short else ', c.cost_usd / nullif(c.calls - c.unpriced_calls, 0) * 1000 as "$ per 1,000"'
    return table(
        title,
        "Revenue recognised in the time range, minus the customer's direct LLM cost and its part of shared cost. Unknown "
        "revenue is a dash, never 0. A click leads to the customer's calls." + UNPRICED + ALL_CALLS,
        f"""
select if(c.customer = '', '(none)', c.customer) as "customer", coalesce(c.plan, '') as "plan", c.calls as "calls",
    c.revenue_usd as "revenue", {more} c.cost_usd as "LLM cost", c.margin_usd as "margin", c.margin_share as "of revenue",
    c.unpriced_calls as "unpriced"{each}
from margin_by_customer({SPAN}) as c
where {chosen("customer", "nullif(c.customer, '')")}
order by case when c.most_usd < 0 then 0 when c.margin_usd is null then 2 else 1 end,
    if(c.most_usd < 0, c.most_usd, null), c.margin_share nulls last, c.cost_usd desc nulls last, c.customer
limit {limit}""",
        [
            column(
                "customer", link=link("tasks", customer=VALUE) if is_short else link("calls", customer=VALUE), width=150
            ),
            column("plan", width=110),
            column("calls", "locale", width=80),
            column("revenue", "currencyUSD", decimals=2),
            column("direct", "currencyUSD"),
            column("shared", "currencyUSD"),
            column("LLM cost", "currencyUSD"),
            column("margin", "currencyUSD", thresholds=LOSS, decimals=2),
            column("of revenue", "percentunit", thresholds=MARGIN, decimals=1),
            column("unpriced", "locale", width=85, thresholds=steps((None, "text"), (1, "orange"))),
            column("$ per 1,000", "currencyUSD"),
        ],
    )


def _sunset() -> Json:
    return table(
        "Models that stop answering",
        "Models of the time range with an announced shutdown date, the soonest first, and what was spent on them. Dates "
        "are those of the catalogue of this llmwatch: `llmwatch sunset`.",
        f"""
select strftime(s.shutdown_on, '%Y-%m-%d') as "stops on", s.shutdown_on - current_date as "days left", f.model as "model",
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
            column("model", link=link("calls", model=VALUE), width=200),
            column("calls", "locale", width=70),
            column("spend", "currencyUSD"),
            column("of spend", "percentunit", decimals=1),
        ],
        no_value="",
    )


def customers() -> Json:
    """Who earns and who costs."""
    total = f"from margin_total({SPAN})"
    return board(
        "customers",
        "What each customer earned and cost. Margin is after LLM cost only.",
        [
            (
                4,
                [
                    stat(
                        "Customers with calls",
                        "Different customers that calls in the time range name.",
                        f"select count(distinct customer) as customers from call_facts where {FILTERED}",
                    ),
                    stat(
                        "Revenue",
                        "Revenue recognised in the time range from customers, by the second." + ALL_CALLS,
                        f"select revenue_usd {total}",
                        unit="currencyUSD",
                        decimals=2,
                        no_value="unknown",
                    ),
                    stat(
                        "LLM gross margin",
                        "Known revenue minus direct and shared LLM cost of the same customers." + UNPRICED + ALL_CALLS,
                        f"select margin_usd {total}",
                        unit="currencyUSD",
                        decimals=2,
                        thresholds=LOSS,
                        no_value="unknown",
                    ),
                    stat(
                        "Customers below zero",
                        "Customers whose LLM cost was more than their revenue in the time range." + ALL_CALLS,
                        f"select losing_customers {total}",
                        thresholds=steps((None, "green"), (1, "red")),
                        no_value="unknown",
                    ),
                    stat(
                        "Lost on them",
                        "Sum of the negative margins." + ALL_CALLS,
                        f"select lost_usd {total}",
                        unit="currencyUSD",
                        thresholds=steps((None, "green"), (0.000001, "red")),
                        no_value="unknown",
                    ),
                    stat(
                        "Cost without a customer",
                        "LLM cost of calls that name no customer: in no margin. Tag them with llmwatch.customer()."
                        + ALL_CALLS,
                        f"select unattributed_usd {total}",
                        unit="currencyUSD",
                        thresholds=steps((None, "green"), (0.000001, "orange")),
                    ),
                ],
            ),
            (14, [customer_table("Customers, greatest loss first, then the lowest margin", 200)]),
            (
                9,
                [
                    over_time(
                        "customer",
                        "cost_usd",
                        "Spend by customer",
                        "Cost of the calls that began in each interval, the five dearest customers and all others.",
                        "currencyUSD",
                    ),
                    money_over_time(),
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
select coalesce(task, '(none)') as task, cast(sum(cost_usd) as double) as "spend"
from call_facts where {FILTERED} group by 1 having sum(cost_usd) > 0 order by 2 desc, 1 limit 8""",
        unit="currencyUSD",
        link=link("tasks"),
    )


def _outcomes() -> Json:
    filters = " and ".join(chosen(name) for name in ("task", "customer"))
    return table(
        "Outcomes",
        "What code reported with llmwatch.outcome() in the time range. Worth is the value given with successes.",
        f"""
select outcome as "outcome", coalesce(task, '(none)') as "task", count(*) as "reported",
    count(*) filter (where is_success) as "succeeded",
    count(*) filter (where is_success) / count(*) as "of reported",
    cast(sum(value_usd) filter (where is_success) as double) as "worth"
from outcomes where $__timeFilter(occurred_at) and {filters}
group by 1, 2 order by 3 desc, 1, 2 limit 50""",
        [
            column("outcome"),
            column("task", link=link("tasks", task=VALUE)),
            column("of reported", "percentunit", decimals=1),
            column("worth", "currencyUSD"),
        ],
    )
