-- (name): a name as lists and tables of the boards show it, and as Grafana hands it back: no two names alike.
-- Grafana takes All for no filter, (all), (none) and all others are ours, and its backend expands $__ wherever it stands.
case
    when nullif(name, '') is null then '(none)'
    when regexp_full_match(name, '''?(All|all others|\(all\)|\(none\))''?( \(name\))*') then name || ' (name)'
    else regexp_replace(name, '\$( *)__', '$\1 __', 'g')
end
