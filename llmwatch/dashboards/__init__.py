"""Owns the Grafana dashboards: what ships with the package, how it reaches a Grafana, and the proof that it shows data.

The JSON stands in `dashboards/` of the source tree, one file per dashboard and `alerts.json` with the rule groups in
the form of Grafana's provisioning files; a wheel carries the folder as `llmwatch/_dashboards`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

# Fixed, since dashboards and alert rules name it.
DATA_SOURCE_UID: Final = "llmwatch"
FOLDER_UID: Final = "llmwatch"
FOLDER_TITLE: Final = "llmwatch"
_ALERTS: Final = "alerts.json"


def folder() -> Path:
    """Where the JSON is: inside the installed package, or beside it in the source tree."""
    package = Path(__file__).parent.parent
    packed = package / "_dashboards"
    return packed if packed.is_dir() else package.parent / "dashboards"


def load_dashboards() -> dict[str, dict[str, Any]]:
    """Each dashboard as Grafana's classic JSON, by the name of its file without `.json`, in the order of the names."""
    return {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted(folder().glob("*.json"))
        if path.name != _ALERTS
    }


def load_alerts() -> dict[str, Any]:
    """The alert rules as one provisioning file: `{"apiVersion": 1, "groups": [...]}`; no groups if there is no file."""
    path = folder() / _ALERTS
    return json.loads(path.read_text("utf-8")) if path.is_file() else {"apiVersion": 1, "groups": []}


__all__ = ["DATA_SOURCE_UID", "FOLDER_TITLE", "FOLDER_UID", "folder", "load_alerts", "load_dashboards"]
