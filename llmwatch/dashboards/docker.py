"""Owns the one `docker run` that brings up a Grafana with the dashboards, seen by this machine only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from .provision import PASSWORD_VARIABLE, PROVISIONING

IMAGE: Final = "grafana/grafana"
_WIRE_PORT: Final = 5433


def _shares_network() -> bool:
    """Only on Linux is the host's loopback the container's own; elsewhere Docker has a name for it."""
    return sys.platform == "linux"


def local_wire() -> str:
    """HOST:PORT of the wire of this machine's loopback, as the container sees it."""
    return f"{'127.0.0.1' if _shares_network() else 'host.docker.internal'}:{_WIRE_PORT}"


def docker_command(root: Path, port: int, image: str) -> list[str]:
    """The command, without the password: it reaches the container by the name of its variable."""
    if _shares_network():
        # In the host's network Grafana would listen on every address.
        network = ["--network", "host", "-e", "GF_SERVER_HTTP_ADDR=127.0.0.1", "-e", f"GF_SERVER_HTTP_PORT={port}"]
    else:
        network = ["-p", f"127.0.0.1:{port}:3000", "--add-host", "host.docker.internal:host-gateway"]
    mount = f"type=bind,source={root},target={PROVISIONING},readonly"
    return ["docker", "run", "--rm", *network, "-e", PASSWORD_VARIABLE, "--mount", mount, image]
