"""The whole way: calls over HTTP, spool, store, shadow runs, scripted reviews, verdicts beside planted truths."""
