"""The store: exactly once, whole, private, and never in the way."""
