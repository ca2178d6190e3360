-- Of a task that fell: where it stands now (the last two to four weeks, with a 95 % interval), the week in which it recovered
-- or fell again, and the segment whose answers alone fell.
alter table drift add column now_low double;

alter table drift add column now_high double;

alter table drift add column now_weeks bigint;

alter table drift add column moved_week date;

alter table drift add column segment varchar;
