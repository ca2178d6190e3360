create or replace temp table estimates (
    span_id varchar, estimated_input_tokens bigint, estimated_output_tokens bigint, estimate_error double
);
