-- Where inputs got harder: how much answers lost at most at equal inputs, with 95 % confidence. Of a task being watched: how
-- many more scores would tell whether it fell.
alter table drift add column answers_lost_at_most double;

alter table drift add column scores_to_decide bigint;

-- The snapshot that answered as a judge; null of judgements before it was recorded.
alter table judgements add column response_model varchar;
