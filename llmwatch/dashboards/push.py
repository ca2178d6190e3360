"""Owns setting up a running Grafana over its HTTP API: data source, folder, dashboards, alert rules.

What is already as it should be is left alone, so a second push changes nothing. What somebody has edited in Grafana is
brought back; the edited version stays in the dashboard's history.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import UsageError
from . import DATA_SOURCE_UID, FOLDER_TITLE, FOLDER_UID
from .grafana import Grafana, part
from .provision import WireAddress, data_source

_TYPES: Final = ("grafana-postgresql-datasource", "postgres")
# Rules stay editable in Grafana: a threshold is the user's.
_EDITABLE: Final = {"X-Disable-Provenance": "true"}
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one thing in Grafana: created, updated, unchanged, kept, answers or fails."""

    subject: str
    did: str
    name: str
    note: str = ""

    @property
    def is_failure(self) -> bool:
        """True if the thing does not work as it is now."""
        return self.did == "fails"


def push(
    grafana: Grafana,
    address: WireAddress,
    password: str,
    dashboards: Iterable[dict[str, Any]],
    groups: Iterable[dict[str, Any]],
) -> Iterator[Step]:
    """Brings Grafana to these dashboards and groups of alert rules, step by step; UsageError at the first refusal."""
    version = grafana.version()
    yield Step("grafana", "answers", grafana.url, f"version {version}" if version else "")
    organisation = yield from _push_data_source(grafana, address, password)
    yield _push_folder(grafana)
    for dashboard in dashboards:
        yield _push_dashboard(grafana, dashboard)
    for group in groups:
        yield from _push_group(grafana, group, organisation)


def _push_data_source(grafana: Grafana, address: WireAddress, password: str) -> Iterator[Step]:
    """Returns the number of the organisation that the token belongs to."""
    wanted = data_source(address)
    path = f"/api/datasources/uid/{part(DATA_SOURCE_UID)}"
    found = grafana.find(path)
    if found is None:
        body = {**wanted, "isDefault": False, "secureJsonData": {"password": password}}
        status, answer = grafana.ask("POST", "/api/datasources", body)
        if status == 409:
            raise UsageError(
                "Grafana has a data source named llmwatch that is not of llmwatch's making.",
                "Rename or delete it under Connections, Data sources.",
            )
        if not 200 <= status < 300:
            grafana.refuse("create", "/api/datasources", status, answer)
        did, found = "created", answer.get("datasource", {})
    elif found.get("type") not in _TYPES:
        raise UsageError(
            f"Grafana's data source with the uid {DATA_SOURCE_UID} is of the type {found.get('type')}.",
            "Delete it under Connections, Data sources, or give it another uid.",
        )
    else:
        did = _update_data_source(grafana, path, found, wanted, password)
    yield Step("data source", did, found.get("name", wanted["name"]), f"the wire at {address.text}")
    is_healthy, said = _health(grafana, path)
    yield Step("health", "answers" if is_healthy else "fails", "llmwatch serve", said)
    return found.get("orgId", 1)


def _update_data_source(
    grafana: Grafana, path: str, found: dict[str, Any], wanted: dict[str, Any], password: str
) -> str:
    """What was done. The password cannot be read back, so a health check tells whether it is still right."""
    type_agnostic = {key: value for key, value in wanted.items() if key not in ("type", "name")}
    is_same = agrees(type_agnostic, found) and bool(found.get("secureJsonFields", {}).get("password"))
    if is_same and (found.get("readOnly") or _health(grafana, path)[0]):
        return "unchanged"
    if found.get("readOnly"):
        raise UsageError(
            "Grafana has the data source llmwatch from a file, with another address.",
            "Change it in the provisioning folder, by `llmwatch dashboards install`.",
        )
    kept = {key: found[key] for key in ("name", "isDefault", "type") if key in found}
    fields = {**found.get("jsonData", {}), **wanted["jsonData"]}
    grafana.change("PUT", path, {**wanted, **kept, "jsonData": fields, "secureJsonData": {"password": password}})
    return "updated"


def _health(grafana: Grafana, path: str) -> tuple[bool, str]:
    status, answer = grafana.ask("GET", f"{path}/health")
    said = str(answer.get("message", "")) if isinstance(answer, dict) else f"HTTP {status}"
    return status == 200 and isinstance(answer, dict) and answer.get("status") == "OK", said


def _push_folder(grafana: Grafana) -> Step:
    found = grafana.find(f"/api/folders/{part(FOLDER_UID)}")
    if found is not None:
        return Step("folder", "unchanged", found.get("title", FOLDER_TITLE))
    status, answer = grafana.ask("POST", "/api/folders", {"uid": FOLDER_UID, "title": FOLDER_TITLE})
    if status in (409, 412):
        raise UsageError(
            f"Grafana has a folder named {FOLDER_TITLE} that is not of llmwatch's making.", "Rename or delete it."
        )
    if not 200 <= status < 300:
        grafana.refuse("create", "/api/folders", status, answer)
    return Step("folder", "created", FOLDER_TITLE)


def digest(dashboard: Mapping[str, Any]) -> str:
    """Twelve hex digits that tell two contents of a dashboard apart."""
    return hashlib.sha256(json.dumps(dashboard, sort_keys=True).encode()).hexdigest()[:12]


def _push_dashboard(grafana: Grafana, dashboard: dict[str, Any]) -> Step:
    """Grafana rewrites what it stores, so that its latest version is ours is told by that version's message."""
    uid, title = dashboard["uid"], dashboard["title"]
    message = f"llmwatch dashboards push {digest(dashboard)}"
    found = grafana.find(f"/api/dashboards/uid/{part(uid)}")
    meta = found.get("meta", {}) if found else {}
    if meta.get("provisioned"):
        return Step("dashboard", "kept", title, f"{grafana.link(meta.get('url', f'/d/{uid}'))} (comes from a file)")
    if found and _latest_message(grafana, uid) == message:
        return Step("dashboard", "unchanged", title, grafana.link(meta.get("url", f"/d/{uid}")))
    body = {
        "dashboard": {**dashboard, "id": None},
        # Where somebody has moved it.
        "folderUid": meta.get("folderUid", FOLDER_UID) if found else FOLDER_UID,
        "message": message,
        "overwrite": True,
    }
    answer = grafana.change("POST", "/api/dashboards/db", body)
    return Step("dashboard", "updated" if found else "created", title, grafana.link(answer["url"]))


def _latest_message(grafana: Grafana, uid: str) -> str | None:
    answer = grafana.find(f"/api/dashboards/uid/{part(uid)}/versions?limit=1")
    versions = answer.get("versions", []) if isinstance(answer, dict) else answer or []
    return versions[0].get("message") if versions else None


def _push_group(grafana: Grafana, group: dict[str, Any], organisation: int) -> Iterator[Step]:
    name = group["name"]
    path = f"/api/v1/provisioning/folder/{part(FOLDER_UID)}/rule-groups/{part(name)}"
    rules = [api_rule(rule, name, organisation) for rule in group["rules"]]
    link = grafana.link("alerting/list")
    if grafana.find(path) is None:
        interval = int(seconds_of(group["interval"]))
        body = {"title": name, "folderUid": FOLDER_UID, "interval": interval, "rules": rules}
        grafana.change("PUT", path, body, _EDITABLE)
        yield from (Step("alert rule", "created", rule["title"], link) for rule in rules)
        return
    for rule in rules:
        yield Step("alert rule", _push_rule(grafana, rule), rule["title"], link)


def _push_rule(grafana: Grafana, rule: dict[str, Any]) -> str:
    found = grafana.find(f"/api/v1/provisioning/alert-rules/{part(rule['uid'])}")
    if found is None:
        grafana.change("POST", "/api/v1/provisioning/alert-rules", rule, _EDITABLE)
        return "created"
    timed = {"for": seconds_of(rule["for"])}
    if agrees({**rule, **timed}, {**found, "for": seconds_of(found.get("for", "0s"))}, besides=("folderUID", "orgID")):
        return "unchanged"
    # Pausing a rule, and whom it tells, is the user's.
    kept = {key: found[key] for key in ("isPaused", "notification_settings", "folderUID") if key in found}
    grafana.change("PUT", f"/api/v1/provisioning/alert-rules/{part(rule['uid'])}", {**rule, **kept}, _EDITABLE)
    return "updated"


def api_rule(rule: Mapping[str, Any], group: str, organisation: int) -> dict[str, Any]:
    """A rule of a provisioning file in the form of the HTTP API, which has the panel among the annotations."""
    annotations = dict(rule.get("annotations", {}))
    if rule.get("dashboardUid") and rule.get("panelId"):
        annotations |= {"__dashboardUid__": rule["dashboardUid"], "__panelId__": str(rule["panelId"])}
    return {
        "uid": rule["uid"],
        "orgID": organisation,
        "folderUID": FOLDER_UID,
        "ruleGroup": group,
        "title": rule["title"],
        "condition": rule["condition"],
        "data": rule["data"],
        "noDataState": rule.get("noDataState", "NoData"),
        "execErrState": rule.get("execErrState", "Error"),
        "for": rule.get("for", "0s"),
        "annotations": annotations,
        "labels": dict(rule.get("labels", {})),
    }


def agrees(ours: Any, theirs: Any, besides: tuple[str, ...] = ()) -> bool:
    """True if `theirs` has everything of `ours`; what Grafana adds does not count, nor what is empty in both."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(agrees(value, theirs.get(key)) for key, value in ours.items() if key not in besides)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agrees, ours, theirs))
    return ours == theirs or (not ours and not theirs)


def seconds_of(duration: str | int | float) -> float:
    """Seconds of a duration as Prometheus writes them: 5m, 1h30m."""
    if not isinstance(duration, str):
        return float(duration)
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", duration))
