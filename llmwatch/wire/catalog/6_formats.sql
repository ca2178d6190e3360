-- Functions of PostgreSQL that DuckDB has under no name or with other formats, as dashboards and BI tools write them.
-- A format of PostgreSQL as one of strptime; a quarter, which no strptime has, is chr(1).
create macro wire_format(format) as list_reduce(
    [
        ['YYYY', '%Y'], ['IYYY', '%G'], ['YY', '%y'], ['FMMonth', '%B'], ['FMMON', '%b'], ['Month', '%B'], ['Mon', '%b'],
        ['FMMM', '%-m'], ['MM', '%m'], ['FMDay', '%A'], ['Day', '%A'], ['Dy', '%a'], ['DDD', '%j'], ['FMDD', '%-d'],
        ['DD', '%d'], ['FMHH24', '%-H'], ['HH24', '%H'], ['FMHH12', '%-I'], ['HH12', '%I'], ['HH', '%I'], ['MI', '%M'],
        ['SS', '%S'], ['MS', '%g'], ['US', '%f'], ['AM', '%p'], ['PM', '%p'], ['IW', '%V'], ['ID', '%u'], ['TZ', 'UTC'],
        ['Q', chr(1)], ['"' || chr(1) || '"', 'Q'], ['"', '']
    ],
    lambda text, pair: [replace(replace(text[1], pair[1], pair[2]), if(length(pair[1]) > 1, lower(pair[1]), chr(2)), pair[2])],
    [format]
)[1];
create macro wire_number(value, format) as case
    when starts_with(format, 'FM') then
        if(
            contains(format, '.') and not contains(split_part(format, '.', 2), '0'),
            regexp_replace(wire_digits(value, format[3:]), '0+$', ''),
            wire_digits(value, format[3:])
        )
    else lpad(wire_digits(value, format), cast(length(format) + 1 as integer), ' ')
end;
create macro wire_digits(value, format) as format(
    if(contains(format, ','), '{:,.', '{:.')
    || length(regexp_replace(split_part(format, '.', 2), '[^09]', '', 'g')) || 'f}',
    cast(value as double)
);
create macro to_char(value, format) as if(
    starts_with(typeof(value), 'TIMESTAMP') or typeof(value) = 'DATE',
    replace(
        strftime(try_cast(cast(value as varchar) as timestamp), wire_format(format)),
        chr(1),
        cast(quarter(try_cast(cast(value as varchar) as timestamp)) as varchar)
    ),
    wire_number(try_cast(cast(value as varchar) as double), format)
);
create macro to_timestamp(value) as make_timestamptz(cast(round(cast(value as double) * 1000000) as bigint)),
    (value, format) as cast(strptime(value, wire_format(format)) as timestamptz);
create macro to_date(value, format) as cast(strptime(value, wire_format(format)) as date);
create macro width_bucket(value, low, high, buckets) as cast(
    case
        when low < high then
            if(value < low, 0, if(value >= high, buckets + 1, floor((value - low) * buckets / (high - low)::double) + 1))
        else if(value > low, 0, if(value <= high, buckets + 1, floor((low - value) * buckets / (low - high)::double) + 1))
    end as integer
),
    (value, thresholds) as cast(len(list_filter(thresholds, lambda one: one <= value)) as integer);
create macro date_bin(stride, source, origin) as
    time_bucket(cast(stride as interval), cast(source as timestamp), cast(origin as timestamp));
create macro clock_timestamp() as now();
create macro statement_timestamp() as now();
create macro transaction_timestamp() as now();
create macro btrim(value) as trim(value), (value, signs) as trim(value, signs);
create macro initcap(value) as array_to_string(
    list_transform(
        regexp_extract_all(value, '[[:alnum:]]+|[^[:alnum:]]+'), lambda part: upper(part[1]) || lower(part[2:])
    ),
    ''
);
create macro pg_export_snapshot() as '00000001-00000001-1';
