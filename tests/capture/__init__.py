"""Tests of the half in the customer's process."""
