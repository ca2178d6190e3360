-- Stored inputs sent again to another model by `llmwatch shadow`: one row when sent, one when answered or failed.
create table replays (
    replay_id varchar not null,
    run_id varchar,
    state varchar not null,
    recorded_at timestamp not null,
    span_id varchar,
    task_name varchar,
    model varchar,
    server_address varchar,
    response_model varchar,
    input_tokens bigint,
    cached_input_tokens bigint,
    cache_write_tokens bigint,
    output_tokens bigint,
    reasoning_tokens bigint,
    usage_raw varchar,
    retries bigint,
    latency_ms double,
    time_to_first_token_ms double,
    finish_reason varchar,
    output_messages varchar,
    -- null where it may have been billed and nobody knows what; reserved_usd then stands for it
    cost_usd decimal(18, 12),
    reserved_usd decimal(18, 12),
    error varchar,
    facts varchar
);

-- What a judge said, of one answer or of two; rows as those of replays.
create table judgements (
    judgement_id varchar not null,
    run_id varchar,
    state varchar not null,
    recorded_at timestamp not null,
    span_id varchar,
    replay_id varchar,
    first_answer varchar,
    task_name varchar,
    model varchar,
    server_address varchar,
    rubric_hash varchar,
    score double,
    verdict varchar,
    reason varchar,
    input_tokens bigint,
    output_tokens bigint,
    cost_usd decimal(18, 12),
    reserved_usd decimal(18, 12),
    error varchar
);
