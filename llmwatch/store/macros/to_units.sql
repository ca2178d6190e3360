-- (per): one calendar unit as an interval.
case per
    when 'day' then interval 1 day
    when 'week' then interval 7 day
    when 'month' then interval 1 month
    when 'year' then interval 1 year
end
