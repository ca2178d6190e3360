"""The cost of calls worked out a second time: sources, rules and code of its own, beside what the product says."""
