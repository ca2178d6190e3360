-- What the drift of each task was found to be at the end of each week: written by the analysis, read by dashboards.
create table drift (
    task_name varchar not null,
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
    detail varchar
);

-- Alarms that a user has seen and set aside; a new baseline begins with the week.
create table drift_acknowledgements (
    task_name varchar not null,
    week date not null,
    acknowledged_at timestamp not null,
    note varchar
);
