-- The price table that a call's cost was worked out with: the digest of a row of price_tables.
alter table calls add column price_table varchar;

update calls set price_table = (select value from meta where key = 'price_digest');

-- What a call's usage and cost were before they changed, one row per change; `replaced_at` is when they did (UTC).
create table call_versions as
select
    span_id,
    cast(null as timestamp) as replaced_at,
    cast(null as varchar) as reason,
    usage_source,
    is_repeated,
    status,
    stream_end,
    response_model,
    service_tier,
    input_tokens,
    output_tokens,
    cached_input_tokens,
    cache_write_tokens,
    cache_write_12h_tokens,
    reasoning_tokens,
    text_input_tokens,
    image_input_tokens,
    audio_input_tokens,
    cached_image_input_tokens,
    cached_audio_input_tokens,
    text_output_tokens,
    image_output_tokens,
    audio_output_tokens,
    accepted_prediction_tokens,
    rejected_prediction_tokens,
    web_search_calls,
    web_search_preview_calls,
    file_search_calls,
    container_calls,
    input_characters,
    output_characters,
    audio_seconds,
    requests,
    batch_requests,
    usage_read_at,
    container_sessions,
    container_starts,
    stated_cost_usd,
    stated_cost_source,
    usage_doubt,
    usage_conflict,
    image_tool_calls,
    image_tool_input_tokens,
    image_tool_image_input_tokens,
    image_tool_cached_input_tokens,
    image_tool_cached_image_input_tokens,
    image_tool_output_tokens,
    image_tool_text_output_tokens,
    unsplit_cost_usd,
    estimated_input_tokens,
    estimated_output_tokens,
    estimate_error,
    price_id,
    input_cost_usd,
    cached_input_cost_usd,
    cache_write_cost_usd,
    output_cost_usd,
    tool_cost_usd,
    cost_usd,
    cache_saving_usd,
    cost_grade,
    cost_note,
    unpriced_reason,
    price_table
from calls
limit 0;

-- The price tables that calls were charged by, in the order in which they came into force (UTC); the last one is in force.
create table price_tables (
    in_force_from timestamp not null,
    digest varchar not null,
    -- the library that the list is of, and the newest day on which the list was compared with OpenAI's page
    list_version varchar,
    verified_on date
);

insert into price_tables
select
    coalesce(try_cast(substr((select value from meta where key = 'merged_at'), 1, 19) as timestamp), timestamp '1970-01-01'),
    value,
    null,
    try_cast((select value from meta where key = 'prices_verified_on') as date)
from meta
where key = 'price_digest';

-- The settings that figures are made with, in the order of their adoption (UTC); the last one is in force. A row without
-- a place holds the defaults, which are in force until a configuration is met.
create table configurations (
    number bigint not null,
    adopted_at timestamp not null,
    place varchar,
    digest varchar not null,
    -- every setting that changes a figure, as JSON
    content varchar not null
);

-- Calls that are not in the store any more: removed by age (retention) or by `llmwatch purge` (erasure).
create table removals (
    removed_at timestamp not null,
    reason varchar not null,
    calls bigint not null,
    unpriced_calls bigint not null,
    spend_usd decimal(38, 12),
    first_call_at timestamp not null,
    last_call_at timestamp not null
);
