-- What the drift of each task was found to be at the end of each week: written by the analysis, read by dashboards.
create table drift (
    task_name varchar not null,
    -- the Monday of the last week looked at
    week date not null,
    evidence varchar not null,
    verdict varchar not null,
    since_week date,
    earliest_week date,
    latest_week date,
    loss double,
    loss_lower double,
    mean_before double,
    mean_after double,
    mix_part double,
    quality_part double,
    scores_before bigint,
    scores_after bigint,
    cause varchar,
    detail varchar,
    cause_at timestamp,
    chance double,
    could_have_seen double,
    -- an alarm that nobody acknowledged, found this week or before
    is_alarm boolean,
    first_alarm_week date
);

-- Alarms as they were first raised: what is found later of the same fall changes nothing here.
create table drift_alarms (
    task_name varchar not null,
    evidence varchar not null,
    -- the Monday of the week at whose end it was raised
    week date not null,
    raised_at timestamp not null,
    since_week date not null,
    earliest_week date not null,
    latest_week date not null,
    loss double not null,
    loss_lower double,
    mean_before double,
    mean_after double,
    chance double,
    scores_before bigint,
    scores_after bigint,
    mix_part double
);

-- Alarms that a user has seen and set aside; a new baseline begins with the week. Undone ones stay and say so.
create table drift_acknowledgements (
    task_name varchar not null,
    week date not null,
    acknowledged_at timestamp not null,
    note varchar,
    is_undone boolean not null
);
