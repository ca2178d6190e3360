-- One row per alarm that a user set aside by $until and did not take up again.
from drift_acknowledgements
where acknowledged_at <= $until and not is_undone
order by task_name, acknowledged_at
