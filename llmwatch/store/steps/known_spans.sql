-- Deletes from `arrived` what is there twice or stored already; narrow, for the rows are wide and this is rare.
delete from arrived
where
    rowid in (select rowid from arrived qualify row_number() over (partition by span_id order by rowid) > 1)
    or span_id in (
        select span_id
        from calls
        where started_at between (select min(started_at) from arrived) and (select max(started_at) from arrived)
    );
