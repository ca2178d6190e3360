"""Simulations that a test runs small and a command runs whole: `python -m tests.simulations.NAME`."""
