-- One row per field of calls in the period that could not be read.
select
    defect,
    count(*) as calls
from (
    select split_part(unnest(defects), ':', 1) as defect
    from calls
    where len(defects) > 0 and started_at >= $since and started_at < $until
)
group by defect
order by calls desc, defect
