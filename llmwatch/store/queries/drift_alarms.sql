-- One row per alarm as it was first raised, by $until.
from drift_alarms
where raised_at <= $until
order by task_name, raised_at, week
