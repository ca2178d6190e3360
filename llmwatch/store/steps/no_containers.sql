create or replace temp table containers (span_id varchar, container_starts varchar[], memory varchar);
