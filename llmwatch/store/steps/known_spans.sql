-- Deletes from `arrived` what is there twice or stored already; narrow, for the rows are wide and this is rare.
-- One span written twice has one start. Two starts are two calls: a program that seeds its random numbers gives its
-- spans the same ids in every process, and the later call gets an id of its own instead of being lost. The line of a
-- batch's output file is one call however often the file is read.
delete from arrived
where
    batch_file is not null
    and (
        rowid in (
            select rowid from arrived where batch_file is not null
            qualify row_number() over (partition by span_id order by started_at, rowid) > 1
        )
        or span_id in (select span_id from calls where batch_file is not null)
    );

delete from arrived
where
    rowid in (select rowid from arrived qualify row_number() over (partition by span_id, started_at order by rowid) > 1)
    or (span_id, started_at) in (
        select (span_id, started_at)
        from calls
        where started_at between (select min(started_at) from arrived) and (select max(started_at) from arrived)
    );

update arrived
set span_id = substr(md5(concat_ws('/', span_id, started_at, process_pid)), 1, 16)
where
    rowid in (select rowid from arrived qualify row_number() over (partition by span_id order by started_at, rowid) > 1)
    or span_id in (
        select span_id
        from calls
        where started_at between (select min(started_at) from arrived) and (select max(started_at) from arrived)
    );
