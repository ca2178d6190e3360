"""Drawing the dashboards with Grafana's own components, in a browser."""
