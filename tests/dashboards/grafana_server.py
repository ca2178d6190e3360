"""A server on loopback that answers as Grafana's documented HTTP API does, and keeps what it is given.

What the API demands of a request is demanded here: a body of JSON, its required fields, the token, the versions. Its
health check of a data source asks the wire itself with the address, user and password of that data source.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

TOKEN = "glsa_token-of-the-tests"
_RULE = {"uid", "orgID", "folderUID", "ruleGroup", "title", "condition", "data", "noDataState", "execErrState", "for"}


@dataclass
class Recorded:
    """One request that was answered."""

    method: str
    path: str
    body: Any
    status: int
    headers: dict[str, str]


@dataclass
class GrafanaState:
    """What this Grafana has."""

    url: str = ""
    version: str | None = "13.2.2"
    data_sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    metas: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    intervals: dict[str, int] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    # "METHOD /path" -> (status, answer), instead of the answer there would be.
    refusals: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def changes(self) -> list[Recorded]:
        """The requests that change something."""
        return [request for request in self.requests if request.method != "GET"]


def answer(state: GrafanaState, method: str, path: str, body: Any) -> tuple[int, Any]:  # noqa: C901, PLR0911, PLR0912
    """(status, JSON) as documented."""
    parts = [unquote(part) for part in path.strip("/").split("/")[1:]]
    match method, parts:
        case "GET", ["health"]:
            return 200, {"commit": "x", "database": "ok"} | ({"version": state.version} if state.version else {})
        case "GET", ["frontend", "settings"]:
            return 200, {"buildInfo": {"version": "12.1.0"}}
        case "POST", ["datasources"]:
            if not {"name", "type", "access"} <= set(body):
                return 400, {"message": "bad request data"}
            if body["uid"] in state.data_sources or any(d["name"] == body["name"] for d in state.data_sources.values()):
                return 409, {"message": "data source with the same name already exists"}
            return 200, {"message": "Datasource added", "datasource": kept_source(state, body)}
        case "GET", ["datasources", "uid", uid]:
            found = state.data_sources.get(uid)
            return (200, found) if found else (404, {"message": "Data source not found"})
        case "PUT", ["datasources", "uid", uid]:
            if state.data_sources[uid]["readOnly"]:
                return 403, {"message": "Cannot update read-only data source"}
            return 200, {"message": "Datasource updated", "datasource": kept_source(state, body)}
        case "GET", ["datasources", "uid", uid, "health"]:
            return health(state, uid)
        case "GET", ["folders", uid]:
            found = state.folders.get(uid)
            return (200, found) if found else (404, {"message": "folder not found", "status": "not-found"})
        case "POST", ["folders"]:
            if any(folder["title"] == body["title"] for folder in state.folders.values()):
                return 409, {"message": "a folder with the same name already exists"}
            state.folders[body["uid"]] = {"id": 1, "version": 1, "url": f"/dashboards/f/{body['uid']}/x", **body}
            return 200, state.folders[body["uid"]]
        case "GET", ["dashboards", "uid", uid]:
            if uid not in state.dashboards:
                return 404, {"message": "Dashboard not found"}
            return 200, {"dashboard": state.dashboards[uid], "meta": state.metas[uid]}
        case "GET", ["dashboards", "uid", uid, "versions"]:
            return 200, {"continueToken": "", "versions": state.versions[uid][::-1][:1]}
        case "POST", ["dashboards", "db"]:
            return saved(state, body)
        case _, ["v1", "provisioning", *rest]:
            return alerting(state, method, rest, body)
    return 404, {"message": "Not found"}


def kept_source(state: GrafanaState, body: dict[str, Any]) -> dict[str, Any]:
    """The data source as it is read back: never with its password."""
    body = copy.deepcopy(body)
    secret = body.pop("secureJsonData", {})
    if "password" in secret:
        state.passwords[body["uid"]] = secret["password"]
    state.data_sources[body["uid"]] = {
        "id": 7, "orgId": 1, "version": 1, "readOnly": False, "database": "", "basicAuth": False,
        **body, "secureJsonFields": {"password": body["uid"] in state.passwords},
    }  # fmt: skip
    return state.data_sources[body["uid"]]


def health(state: GrafanaState, uid: str) -> tuple[int, Any]:
    """Asks the wire, as the plugin does."""
    found = state.data_sources[uid]
    host, _, port = found["url"].rpartition(":")
    try:
        with psycopg.connect(
            host=host, port=int(port), user=found["user"], dbname=found["jsonData"]["database"],
            password=state.passwords[uid], sslmode=found["jsonData"]["sslmode"], connect_timeout=20,
        ) as connection:  # fmt: skip
            connection.execute(";")
    except psycopg.Error as e:
        return 400, {"status": "ERROR", "message": str(e).strip()}
    return 200, {"status": "OK", "message": "Database Connection OK"}


def saved(state: GrafanaState, body: dict[str, Any]) -> tuple[int, Any]:
    """A dashboard into the history of its uid."""
    dashboard = copy.deepcopy(body["dashboard"])
    if not dashboard.get("title"):
        return 400, {"message": "Dashboard title cannot be empty"}
    uid = dashboard["uid"]
    if state.metas.get(uid, {}).get("provisioned"):
        return 400, {"message": "Cannot save provisioned dashboard"}
    versions = state.versions.setdefault(uid, [])
    if versions and not body.get("overwrite") and dashboard.get("version") != versions[-1]["version"]:
        return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
    if body["folderUid"] not in state.folders:
        return 400, {"message": "folder not found"}
    versions.append({"version": len(versions) + 1, "message": body.get("message", "")})
    url = f"/d/{uid}/slug"
    # As Grafana does: it numbers what it stores, and brings the JSON to its own newest schema.
    state.dashboards[uid] = {**dashboard, "id": 40, "version": len(versions), "schemaVersion": 99, "preload": False}
    state.metas[uid] = {"url": url, "folderUid": body["folderUid"], "provisioned": False}
    return 200, {"id": 40, "uid": uid, "url": url, "status": "success", "version": len(versions), "slug": "slug"}


def alerting(  # noqa: PLR0911
    state: GrafanaState, method: str, parts: list[str], body: Any
) -> tuple[int, Any]:
    """The provisioning API of alert rules."""
    for rule in [] if body is None else body.get("rules", [body]):
        if missing := _RULE - set(rule):
            return 400, {"message": f"invalid alert rule: no {sorted(missing)}"}
        if rule["folderUID"] not in state.folders or not rule["data"]:
            return 400, {"message": "invalid alert rule"}
    match method, parts:
        case "GET", ["folder", _, "rule-groups", name]:
            rules = [rule for rule in state.rules.values() if rule["ruleGroup"] == name]
            return (200, {"title": name, "rules": rules}) if rules else (404, {})
        case "PUT", ["folder", folder, "rule-groups", name]:
            assert (body["title"], body["folderUid"]) == (name, folder)
            state.intervals[name] = body["interval"]
            state.rules |= {rule["uid"]: stored_rule(rule) for rule in body["rules"]}
            return 200, body
        case "GET", ["alert-rules", uid]:
            return (200, state.rules[uid]) if uid in state.rules else (404, {})
        case "POST", ["alert-rules"]:
            if body["uid"] in state.rules:
                return 409, {"message": "rule UID under the same organisation should be unique"}
            state.rules[body["uid"]] = stored_rule(body)
            return 201, body
        case "PUT", ["alert-rules", uid]:
            state.rules[uid] = stored_rule(body)
            return 200, body
    return 404, {"message": "Not found"}


def stored_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """As it is read back: with what Grafana adds, and durations in its own writing."""
    rule = copy.deepcopy(rule)
    for query in rule["data"]:
        query["model"] = {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}
        query.setdefault("queryType", "")
    return {"id": 3, "updated": "2026-11-21T00:00:00Z", "isPaused": False, **rule}


@contextmanager
def grafana_server() -> Iterator[GrafanaState]:
    """Serves until the block ends; `.url` says where."""
    state = GrafanaState()

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            raw = self.rfile.read(length)
            assert not raw or self.headers["Content-Type"] == "application/json"
            body = json.loads(raw) if raw else None
            path = urlsplit(self.path).path
            if f"{self.command} {path}" in state.refusals:
                status, said = state.refusals[f"{self.command} {path}"]
            elif path != "/api/health" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, said = 401, {"message": "Invalid API key"}
            else:
                status, said = answer(state, self.command, path, body)
            state.requests.append(Recorded(self.command, path, body, status, dict(self.headers)))
            written = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://elsewhere.example/")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_POST = do_PUT = respond

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
