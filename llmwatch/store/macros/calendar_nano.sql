-- (amount_usd, per, moment): nano-dollars from 1970 to `moment` of amount_usd for each calendar unit.
-- Units are counted from the begin of one to the begin of another: DuckDB's weeks are spans of seven days from the first
-- of two moments, whatever day of the week that is.
nano(amount_usd) * date_diff(
    calendar_unit(per), date_trunc(calendar_unit(per), timestamp '1970-01-01'), date_trunc(calendar_unit(per), moment)
)
+ nano(amount_usd) * epoch_us(moment - date_trunc(calendar_unit(per), moment))
// epoch_us(date_trunc(calendar_unit(per), moment) + to_units(per) - date_trunc(calendar_unit(per), moment))
