-- The share of a task's answers that were acceptable, on the evidence that speaks for it: written by the analysis, read by
-- dashboards. `period` is week (a calendar week), 7d or 28d (the days until the tables were last brought up to date).
create table quality (
    task_name varchar not null,
    period varchar not null,
    since timestamp not null,
    until timestamp not null,
    answers bigint,
    -- reference, label, review, feedback, audited judge, judge or checks; null where nothing speaks for the task
    evidence varchar,
    scored bigint,
    -- with a 95 % interval; of checks only an upper bound
    share double,
    share_low double,
    share_high double,
    -- false of a judge that nobody audited and of checks
    is_alarming boolean,
    -- why there is no share
    reason varchar
);

-- Models in use that stop answering, by the catalogue of this llmwatch.
create table shutdowns (
    model varchar not null,
    shutdown_on date not null,
    checked_on date
);
