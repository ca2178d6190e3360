-- The verdict on each task and cheaper model: written by the analysis, read by dashboards.
create table downgrade (
    task_name varchar not null,
    model varchar not null,
    candidate_model varchar not null,
    decided_at timestamp not null,
    verdict varchar not null,
    reason varchar,
    replays bigint,
    audits bigint,
    difference double,
    difference_low double,
    difference_high double,
    margin double,
    spend_month_usd decimal(18, 6),
    saving_month_usd decimal(18, 6),
    saving_low_usd decimal(18, 6),
    saving_high_usd decimal(18, 6),
    latency_ratio double,
    sentence varchar,
    change varchar
);
