"""Fills a store with any number of invented calls by SQL, in seconds; the numbers are plausible, not real.

`python -m tests.bench.generate_store HOME CALLS [DAYS]` makes HOME/store.duckdb with calls that end on 2026-11-21;
with `year` instead of DAYS, 52 weeks of 5,000 customers who pay, 200 tasks with scores, and replays of three of them;
with `busy`, the same with a score of one call in five, and one call in 25 that earns money by itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.file import connect

ENDS_AT = "2026-11-21 00:00:00"
_AT_ONCE = 500_000

# Every draw is a hash of the call's number, so that the same arguments always make the same store.
CALLS_SQL = """
insert into calls by name
with numbers as (
    select n, hash(n) as h1, hash(n, 1) as h2, hash(n, 2) as h3, hash(n, 3) as h4
    from range($first, $last) as numbered(n)
),
drawn as (
    select
        *,
        cast($ends_at as timestamp) - to_microseconds(cast((n + 0.5) * ($days * 86400e6 / $calls) as bigint)) as moment,
        case
            when h1 % 100 < 45 then 'gpt-4o-mini'
            when h1 % 100 < 80 then 'gpt-4o'
            when h1 % 100 < 99 then 'gpt-6.1-terra'
            else 'acme/own-1'
        end as model,
        if($tasks > 7, printf('task-%03d', cast(h2 % $tasks as integer)), [
            'chat.stream', 'ticket.classify', 'image.moderate', 'reply.draft', 'invoice.extract', 'research.web',
            'contract.review'
        ][least(1 + cast(h2 % 100 as integer) // 14, 7)]) as task_drawn,
        h3 % 100 < 3 as is_failed,
        h3 % 1000 between 40 and 59 as is_left,
        h4 % 3 = 0 as is_streamed,
        200 + cast(h2 % 5000 as bigint) as drawn_input,
        5 + cast(h3 % 600 as bigint) as drawn_output
    from numbers
),
used as (
    select
        *,
        case when not is_failed and not is_left then drawn_input end as used_input,
        case when not is_failed and not is_left then drawn_output end as used_output,
        case when not is_failed and not is_left then (drawn_input * (h1 % 7)) // 10 end as used_cached,
        300 + cast(h4 % 9000 as double) + drawn_output * 8 as drawn_latency_ms
    from drawn
),
priced as (
    select
        *,
        case model
            when 'gpt-4o-mini' then 0.00000015
            when 'gpt-4o' then 0.0000025
            when 'gpt-6.1-terra' then 0.000001
        end as rate
    from used
)
select
    printf('%032x', n) as trace_id,
    printf('%016x', n) as span_id,
    moment as started_at,
    moment + to_microseconds(cast(drawn_latency_ms * 1000 as bigint)) as ended_at,
    drawn_latency_ms as latency_ms,
    ['web', 'worker', 'nightly'][1 + cast(h4 % 3 as integer)] as service_name,
    '3.52.0' as openai_version,
    'chat' as operation_name,
    'openai' as provider_name,
    '/chat/completions' as endpoint,
    if(model = 'acme/own-1', 'llm.acme.internal', 'api.openai.com') as server_address,
    model as request_model,
    if(is_failed, null, model) as response_model,
    if(is_failed, null, 'chatcmpl-' || n) as response_id,
    'req_' || n as request_id,
    case when is_failed then 'error' when is_left then 'incomplete' else 'ok' end as status,
    if(is_failed, if(h2 % 2 = 0, '429', 'timeout'), null) as error_type,
    if(is_streamed or is_left, if(is_left, 'closed', 'complete'), null) as stream_end,
    is_streamed or is_left as is_stream,
    case when is_failed then 'absent' when is_left then 'estimated' else 'response' end as usage_source,
    if(h4 % 50 = 0, 1, 0) as retries,
    if(h1 % 20 = 0, null, task_drawn) as task,
    coalesce(if(h1 % 20 = 0, null, task_drawn), 'POST /chat/completions') as task_name,
    if(h1 % 20 = 0, 'call_site', 'tag') as task_source,
    if(h2 % 30 = 0, null, 'customer-' || (h3 % $customers)) as customer_id,
    if(h2 % 2 = 0, 'inbox', null) as feature,
    'user-' || (h1 % 20000) as user_id,
    used_input as input_tokens,
    used_output as output_tokens,
    used_cached as cached_input_tokens,
    0 as cache_write_tokens,
    if(model = 'gpt-6.1-terra', used_output // 3, 0) as reasoning_tokens,
    if(is_left, drawn_input, null) as estimated_input_tokens,
    if(is_left, drawn_output, null) as estimated_output_tokens,
    if(is_left, 0.11, null) as estimate_error,
    if(is_streamed, (200 + cast(h2 % 700 as double)) / 1000, null) as time_to_first_token,
    if(is_failed, null, [if(h3 % 97 = 0, 'length', 'stop')]) as finish_reasons,
    h4 % 400 = 0 as is_refusal,
    h4 % 500 = 0 as is_content_filtered,
    is_failed as is_output_empty,
    false as is_repeated,
    if(is_failed or rate is null, null, 'openai/' || model) as price_id,
    cast((drawn_input - coalesce(used_cached, 0)) * rate * if(is_failed, 0, 1) as decimal(18, 12)) as input_cost_usd,
    cast(coalesce(used_cached, 0) * rate / 2 as decimal(18, 12)) as cached_input_cost_usd,
    cast(if(rate is null, null, 0) as decimal(18, 12)) as cache_write_cost_usd,
    cast(drawn_output * rate * 4 * if(is_failed, 0, 1) as decimal(18, 12)) as output_cost_usd,
    cast(if(rate is null, null, 0) as decimal(18, 12)) as tool_cost_usd,
    cast(if(rate is null, null, 0) as decimal(18, 12)) as unsplit_cost_usd,
    cast((drawn_input - coalesce(used_cached, 0)) * rate * if(is_failed, 0, 1) as decimal(18, 12))
        + cast(coalesce(used_cached, 0) * rate / 2 as decimal(18, 12))
        + cast(drawn_output * rate * 4 * if(is_failed, 0, 1) as decimal(18, 12)) as cost_usd,
    cast(coalesce(used_cached, 0) * rate / 2 as decimal(18, 12)) as cache_saving_usd,
    case when rate is null then 'D' when is_left then 'C' else 'A' end as cost_grade,
    if(rate is null, 'no price for model acme/own-1 on llm.acme.internal', null) as unpriced_reason
from priced
order by moment
"""


# Each customer pays by the month, one in fifty has nothing on record.
REVENUE_SQL = """
insert into revenue by name
select
    'month-' || c || '-' || m as event_id,
    cast($ends_at as timestamp) - to_days(cast(30 * (m + 1) as integer)) as occurred_at,
    occurred_at as recorded_at,
    'revenue' as kind,
    cast([0.5, 3, 40][1 + c % 3] as decimal(18, 9)) as amount_usd,
    'customer-' || c as customer_id,
    ['starter', 'team', 'enterprise'][1 + c % 3] as plan,
    occurred_at as recognised_from,
    occurred_at + interval 30 day as recognised_until,
    'generated' as source
from range($customers) as customers(c), range($days // 30) as months(m)
where c % 50 <> 0
"""
# One call in fifty is labelled; the answers of one task in twenty get worse in the last six weeks.
SCORES_SQL = """
insert into scores by name
select
    'score-' || span_id as score_id,
    ended_at as scored_at,
    span_id,
    'quality' as name,
    if(
        hash(span_id, 8) % 100
            < if(hash(task_name) % 20 = 0 and started_at > cast($ends_at as timestamp) - interval 42 day, 75, 92),
        1.0,
        0.0
    ) as value,
    'label' as evidence,
    'generated' as source
from calls
where hash(span_id, 7) % $scored_every = 0
"""
# What a call earns is told with the call.
CALL_REVENUE_SQL = """
insert into revenue by name
select
    'call-' || span_id as event_id,
    ended_at as occurred_at,
    ended_at as recorded_at,
    'revenue' as kind,
    cast(0.004 as decimal(18, 9)) as amount_usd,
    span_id,
    'generated' as source
from calls
where hash(span_id, 9) % 25 = 0
"""
# 400 answered replays of each of three tasks, of the newest calls.
REPLAYS_SQL = """
insert into replays by name
select
    'replay-' || span_id as replay_id,
    'run' as run_id,
    'answered' as state,
    started_at as recorded_at,
    span_id,
    task_name,
    'gpt-6-luna' as model,
    input_tokens,
    output_tokens,
    0 as retries,
    latency_ms,
    cast(0.0001 as decimal(18, 12)) as cost_usd
from calls
where task_name in ('task-001', 'task-002', 'task-003') and status = 'ok'
qualify row_number() over (partition by task_name order by started_at desc) <= 400
"""


def insert_calls(con: Any, calls: int, days: int = 14, customers: int = 40, tasks: int = 7) -> None:
    """Inserts `calls` calls spread evenly over the `days` before ENDS_AT."""
    given = {"calls": calls, "days": days, "ends_at": ENDS_AT, "customers": customers, "tasks": tasks}
    # In parts, the oldest first, as merges come: ten million wide rows at once do not fit into a store's memory.
    for last in range(calls, 0, -_AT_ONCE):
        con.execute(CALLS_SQL, given | {"first": max(0, last - _AT_ONCE), "last": last})


def generate_year(
    home: Path, calls: int, customers: int = 5_000, tasks: int = 200, days: int = 364, *, is_busy: bool = False
) -> Path:
    """A store of 52 weeks with customers who pay, scores of one call in fifty, and replays; much more of it if busy."""
    path = generate(home, 0)
    with connect(path, home, read_only=False) as con:
        insert_calls(con, calls, days, customers, tasks)
        con.execute(REVENUE_SQL, {"ends_at": ENDS_AT, "customers": customers, "days": days})
        con.execute(SCORES_SQL, {"ends_at": ENDS_AT, "scored_every": 5 if is_busy else 50})
        if is_busy:
            con.execute(CALL_REVENUE_SQL)
        con.execute(REPLAYS_SQL)
    return path


def generate(home: Path, calls: int, days: int = 14) -> Path:
    """A store under `home` with that many calls; an existing one is replaced."""
    settings = Settings(home=home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.store_path.unlink(missing_ok=True)
    Store(settings).merge()
    with connect(settings.store_path, home, read_only=False) as con:
        if calls:
            insert_calls(con, calls, days)
    return settings.store_path


if __name__ == "__main__":
    if {"year", "busy"} & set(sys.argv[3:]):
        print(generate_year(Path(sys.argv[1]), int(sys.argv[2]), is_busy="busy" in sys.argv[3:]))
    else:
        print(generate(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 14))
