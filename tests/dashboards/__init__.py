"""Tests of the dashboards: what they ask, what they look like."""
