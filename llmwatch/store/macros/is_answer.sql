-- Whether a call gives an answer of its own: reading one by its id and starting a batch do not.
not (starts_with(operation_name, 'fetch_') or operation_name = 'create_batch')
