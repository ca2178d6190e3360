-- What was kept of these calls' ids may be another thing now, and so may the days that they belong to.
delete from revenue_links where id in (
    select span_id from arrived
    union all
    select response_id from arrived
    union all
    select trace_id from arrived
);
