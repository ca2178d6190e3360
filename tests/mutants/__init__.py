"""Mutants of the code that decides money and verdicts: each must make a test fail. `make mutants` runs them."""
