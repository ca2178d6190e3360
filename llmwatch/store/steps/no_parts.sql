-- What calls of split tasks carry, and the name of each such part.
create or replace temp table parts (
    given_name varchar, call_site varchar, tool_names varchar[], prompt_hash varchar, task_name varchar
);
