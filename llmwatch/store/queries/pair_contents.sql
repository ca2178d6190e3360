-- One row per replay named: the input, the incumbent's answer and the candidate's; null where one is not kept any more.
select r.replay_id, r.span_id, k.input_messages, k.system_instructions, k.output_messages as incumbent_output,
    r.output_messages as candidate_output
from replays as r
left join content as k on k.span_id = r.span_id
where r.replay_id in (select unnest($names)) and r.state = 'answered' and r.output_messages is not null
qualify row_number() over (partition by r.replay_id order by r.recorded_at desc, r.run_id, k.started_at) = 1
order by r.replay_id
