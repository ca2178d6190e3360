-- When the first of the calls began whose cost `unbill_reads` takes away.
select min(started_at) from calls where span_id in (select span_id from billed_by_read);
