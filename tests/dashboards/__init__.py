"""Tests of the Grafana dashboards and of how they reach a Grafana."""
