-- One row per host of Azure whose calls were priced as Global deployments because no setting says where they run.
select server_address as host, count(*) as calls
from calls
where
    started_at >= $since and started_at < $until
    and contains(cost_note, 'taken as a Global deployment')
group by all
order by calls desc, host
