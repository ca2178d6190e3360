"""Owns the making of the dashboards: short Python that writes the JSON in `dashboards/`, which is committed and ships."""

from __future__ import annotations

import json
from typing import Any

from .alerts import alerts
from .caching import cache
from .explorer import calls
from .money import customers, overview
from .service import reliability
from .work import downgrade, tasks

BOARDS = {
    "overview": overview,
    "customers": customers,
    "tasks": tasks,
    "downgrade": downgrade,
    "reliability": reliability,
    "cache": cache,
    "calls": calls,
}


def made() -> dict[str, str]:
    """Name of a file in `dashboards/` -> its text."""
    found: dict[str, dict[str, Any]] = {name: make() for name, make in BOARDS.items()}
    both = {**found, "alerts": alerts(found)}
    return {f"{name}.json": json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in both.items()}
