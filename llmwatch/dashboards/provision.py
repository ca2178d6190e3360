"""Owns the files from which a Grafana sets itself up: data source, dashboards and alert rules, as it reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from . import DATA_SOURCE_UID, FOLDER_TITLE, load_alerts, load_dashboards

PASSWORD_VARIABLE: Final = "LLMWATCH_PG_PASSWORD"
PROVISIONING: Final = "/etc/grafana/provisioning"
SSL_MODES: Final = ("disable", "require", "verify-full")
# Names under which a service on this machine's loopback is reached, from the machine or from a container on it.
_LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1", "host.docker.internal"})
_MARK: Final = "# written by llmwatch dashboards"
_HEADER: Final = f"{_MARK}; the next export or install overwrites it\n"


@dataclass(frozen=True, slots=True)
class WireAddress:
    """Where Grafana finds the wire of `llmwatch serve`."""

    host: str
    port: int
    sslmode: str

    @property
    def text(self) -> str:
        """host:port, as the data source takes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def wire_address(text: str, sslmode: str | None) -> WireAddress:
    """The address written as HOST:PORT; without `sslmode`, TLS is asked for wherever the wire speaks only TLS."""
    host, separator, port = text.rpartition(":")
    host = host.strip("[]")
    if not separator or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"--wire {text!r} is no address.", "Give HOST:PORT as 127.0.0.1:5433.")
    if sslmode is not None and sslmode not in SSL_MODES:
        raise UsageError(f"--sslmode {sslmode!r} is not one of {', '.join(SSL_MODES)}.")
    return WireAddress(host, int(port), sslmode or ("disable" if host.lower() in _LOCAL_NAMES else "require"))


def data_source(address: WireAddress) -> dict[str, Any]:
    """The data source as Grafana's HTTP API and its files name the fields; the password is not in it."""
    return {
        "uid": DATA_SOURCE_UID,
        "name": "llmwatch",
        "type": "grafana-postgresql-datasource",
        "access": "proxy",
        "url": address.text,
        "user": "llmwatch",
        "jsonData": {"database": "llmwatch", "sslmode": address.sslmode, "postgresVersion": 1500},
    }


def tree(address: WireAddress, at: str) -> Iterator[tuple[str, str]]:
    """(relative path, text) of every file; `at` is the folder under which Grafana itself sees them.

    The password is a variable of Grafana's environment, so that the files can be shown to anybody.
    """
    source = data_source(address)
    yield "datasources/llmwatch.yaml", _HEADER + _datasources(source)
    yield "dashboards/llmwatch.yaml", _HEADER + _providers(f"{at.rstrip('/')}/dashboards/llmwatch")
    for name, dashboard in load_dashboards().items():
        yield f"dashboards/llmwatch/{name}.json", _json(dashboard)
    # JSON is YAML, and a comment may stand before it.
    yield "alerting/llmwatch.yaml", _HEADER + _json(_escaped(load_alerts()))


def write_tree(root: Path, address: WireAddress, at: str) -> list[Path]:
    """Writes the files, each whole or not at all; their paths. UsageError before the first if one is not llmwatch's."""
    files = [(root / name, text) for name, text in tree(address, at)]
    for path, _ in files:
        if not _is_ours(path):
            raise UsageError(f"{path} was not written by llmwatch; nothing was changed.", "Move it out of the way.")
    for path, text in files:
        # Grafana runs as a user of its own and must be able to read them.
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(text, "utf-8")
            beside.chmod(0o644)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    return [path for path, _ in files]


def _is_ours(path: Path) -> bool:
    if path.is_symlink():
        return False
    try:
        text = path.read_text("utf-8")
        return text.startswith(_MARK) if path.suffix == ".yaml" else _uid(text).startswith("llmwatch")
    except FileNotFoundError:
        return True
    except (OSError, UnicodeDecodeError, ValueError):
        return False


def _uid(text: str) -> str:
    found = json.loads(text)
    return str(found.get("uid", "")) if isinstance(found, dict) else ""


def _datasources(source: Mapping[str, Any]) -> str:
    fields = source["jsonData"]
    return f"""apiVersion: 1
datasources:
  - name: {source["name"]}
    uid: {source["uid"]}
    type: {source["type"]}
    access: {source["access"]}
    url: {json.dumps(source["url"])}
    user: {source["user"]}
    isDefault: false
    editable: false
    jsonData:
      database: {fields["database"]}
      sslmode: {fields["sslmode"]}
      postgresVersion: {fields["postgresVersion"]}
    secureJsonData:
      password: ${PASSWORD_VARIABLE}
"""


def _providers(path: str) -> str:
    # The folder goes by its title: Grafana reads the alert rules first and finds or makes their folder by it.
    return f"""apiVersion: 1
providers:
  - name: llmwatch
    type: file
    folder: {FOLDER_TITLE}
    disableDeletion: false
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: {json.dumps(path, ensure_ascii=False)}
"""


def _escaped(alerts: dict[str, Any]) -> dict[str, Any]:
    """The rules with `$` doubled where Grafana would read a variable of its environment: in titles and labels."""
    return {
        **alerts,
        "groups": [
            {
                **group,
                "rules": [
                    {
                        **rule,
                        "title": rule["title"].replace("$", "$$"),
                        "labels": {k: v.replace("$", "$$") for k, v in rule.get("labels", {}).items()},
                    }
                    for rule in group["rules"]
                ],
            }
            for group in alerts["groups"]
        ],
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
