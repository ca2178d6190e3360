-- One row per name of the dimension (task, feature, model, service): its cost, its outcomes, and the revenue that is its.
-- Revenue that names it, or names a call of it, is its own. What else its customers pay is divided by the value of their
-- successful outcomes in the period, where they have any, else by $revenue_by (calls or tokens). With cost it stays
-- undivided, and undivided_calls are those of the customers whom that concerns; unknown_usd is the cost of those whose
-- revenue nobody knows, calls without a customer among them.
with paid as (
    select
        coalesce(customer, '') as customer,
        coalesce(case $dimension when 'task' then task when 'feature' then feature when 'model' then model else service end, '')
            as name,
        sum(call_count) as calls,
        sum(cost_usd) as spend_usd,
        sum(call_count) filter (where is_unpriced) as unpriced_calls,
        sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) as tokens
    from call_facts
    where started_at >= $since and started_at < $until
    group by all
),
earned as (
    select
        coalesce(customer, '') as customer,
        case $dimension when 'task' then task when 'feature' then feature when 'model' then model else service end as name,
        sum(
            recognised_nano(amount_usd, per, starts_at, ends_at, $since, $until)
        ) as revenue_nano
    from revenue_streams
    where starts_at < $until
    group by all
),
reached as (
    select
        coalesce(customer, '') as customer,
        coalesce(case $dimension when 'task' then task when 'feature' then feature when 'model' then model else service end, '')
            as name,
        count(*) as outcomes,
        count(*) filter (where is_success) as successes,
        coalesce(sum(value_usd) filter (where is_success and value_usd > 0), 0) as value_usd
    from outcomes
    where occurred_at >= $since and occurred_at < $until
    group by all
),
customers as (
    select
        customer,
        coalesce(sum(e.revenue_nano) filter (where e.name is null), 0) as rest_nano,
        (select coalesce(sum(r.value_usd), 0) from reached as r where r.customer = e.customer and r.name <> '') as value_usd
    from earned as e
    group by customer
),
weighted as (
    select
        customer,
        name,
        c.rest_nano,
        case
            when c.value_usd > 0 then 'outcome'
            when $revenue_by <> 'cost' then 'usage'
            else 'cost'
        end as rule,
        case
            when c.value_usd > 0 then if(name = '', 0, nano(coalesce(r.value_usd, 0)))
            when $revenue_by = 'tokens' then cast(coalesce(p.tokens, 0) as hugeint)
            when $revenue_by = 'calls' then cast(coalesce(p.calls, 0) as hugeint)
            else 0
        end as weight
    from paid as p
    full join reached as r using (customer, name)
    join customers as c using (customer)
    where c.rest_nano <> 0
),
divided as (
    -- differences of running shares, rounded down: the parts add up to the whole to the nano-dollar
    select
        name,
        customer,
        rule,
        if(
            sum(weight) over whole = 0,
            0,
            cast(rest_nano * cast(sum(weight) over upto as hugeint) // cast(sum(weight) over whole as hugeint) as hugeint)
            - cast(rest_nano * cast(sum(weight) over upto - weight as hugeint) // cast(sum(weight) over whole as hugeint) as hugeint)
        ) as share_nano,
        sum(weight) over whole = 0 as is_undivided
    from weighted
    window whole as (partition by customer), upto as (partition by customer order by name)
),
undivided as (select distinct customer from divided where is_undivided),
parts as (
    select name, 'own' as rule, revenue_nano from earned where name is not null
    union all
    select name, rule, share_nano from divided where not is_undivided
),
revenue as (
    select
        name,
        sum(revenue_nano) as revenue_nano,
        sum(revenue_nano) filter (where rule = 'own') as own_nano,
        sum(revenue_nano) filter (where rule = 'outcome') as outcome_nano,
        sum(revenue_nano) filter (where rule = 'usage') as usage_nano
    from parts
    group by name
),
cost as (
    select
        p.name,
        sum(p.calls) as calls,
        sum(p.spend_usd) as spend_usd,
        sum(p.unpriced_calls) as unpriced_calls,
        sum(p.tokens) as tokens,
        sum(p.calls) filter (where p.customer in (from undivided)) as undivided_calls,
        sum(p.calls) filter (where p.customer not in (select customer from earned)) as unknown_calls,
        sum(p.unpriced_calls) filter (where p.customer not in (select customer from earned)) as unknown_unpriced,
        sum(p.tokens) filter (where p.customer not in (select customer from earned)) as unknown_tokens,
        sum(coalesce(p.spend_usd, 0)) filter (where p.customer not in (select customer from earned)) as unknown_usd
    from paid as p
    group by p.name
),
results as (
    select name, sum(outcomes) as outcomes, sum(successes) as successes from reached group by name
)
select
    name,
    coalesce(c.calls, 0) as calls,
    c.spend_usd,
    coalesce(c.unpriced_calls, 0) as unpriced_calls,
    coalesce(c.tokens, 0) as tokens,
    c.undivided_calls,
    c.unknown_calls, c.unknown_unpriced,
    c.unknown_tokens, c.unknown_usd,
    cast(r.revenue_nano as decimal(38, 0)) as revenue_nano,
    cast(r.own_nano as decimal(38, 0)) as own_nano,
    cast(r.outcome_nano as decimal(38, 0)) as outcome_nano,
    cast(r.usage_nano as decimal(38, 0)) as usage_nano,
    coalesce(o.outcomes, 0) as outcomes,
    coalesce(o.successes, 0) as successes
from cost as c
full join revenue as r using (name)
full join results as o using (name)
order by name
