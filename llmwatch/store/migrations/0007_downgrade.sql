-- The verdict on each task and cheaper model: written by the analysis, read by dashboards. Money is of a month.
create table downgrade (
    task_name varchar not null,
    model varchar not null,
    candidate_model varchar not null,
    decided_at timestamp not null,
    -- move, promising, keep or cannot_tell
    verdict varchar not null,
    reason varchar,
    replays bigint,
    audits bigint,
    -- candidate minus incumbent, shares of answers, with a 90 % interval; null before any replay
    difference double,
    difference_low double,
    difference_high double,
    -- the loss that the task's stakes allow
    margin double,
    spend_month_usd decimal(18, 6),
    -- measured on the candidate's own tokens, with the 10 % to 90 % range; null before any replay
    saving_month_usd decimal(18, 6),
    saving_low_usd decimal(18, 6),
    saving_high_usd decimal(18, 6),
    -- at the incumbent's own token counts; and as it truly is, as far as it is known
    naive_saving_usd decimal(18, 6),
    estimated_saving_usd decimal(18, 6),
    -- points of margin, 0 to 1; null where no revenue is known
    margin_points double,
    latency_ratio double,
    sentence varchar,
    "change" varchar,
    -- the command that would decide an open question, and what it costs at most
    next_step varchar,
    next_usd decimal(18, 6),
    candidate_shutdown_on date
);
