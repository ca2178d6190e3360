-- (per): the calendar unit, or day where it is none: DuckDB evaluates constants also in the branch not taken.
if(per in ('day', 'week', 'month', 'year'), per, 'day')
