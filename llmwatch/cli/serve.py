"""`llmwatch serve`: keeps the store fresh and answers Grafana, psql and a browser on this machine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..store.process import command_of
from .options import Home, settings_for


def serve(
    port: Annotated[
        int, typer.Option("--port", help="Of the PostgreSQL wire; 0 takes a free one.", envvar="LLMWATCH_SERVE_PORT")
    ] = 5433,
    http_port: Annotated[
        int, typer.Option("--http-port", help="Of the web page; 0 takes a free one.", envvar="LLMWATCH_SERVE_HTTP_PORT")
    ] = 5480,
    bind: Annotated[
        str,
        typer.Option(
            "--bind", help="Address to listen on; beyond loopback only with TLS.", envvar="LLMWATCH_SERVE_BIND"
        ),
    ] = "127.0.0.1",
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Certificate chain, PEM.", show_default=False)
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its key, PEM.", show_default=False)] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option("--host-name", help="A name under which browsers may ask; repeatable.", show_default=False),
    ] = None,
    expose_content: Annotated[
        bool, typer.Option("--expose-content", help="Show prompts, answers and errors too, in the schema store.")
    ] = False,
    home: Home = None,
) -> None:
    """Merge continuously, answer the read-only PostgreSQL wire, show the report as a web page. Ctrl-C ends it.

    [dim]llmwatch serve
    llmwatch serve --bind 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --host-name stats.example.com[/dim]
    """
    for flag, number in (("--port", port), ("--http-port", http_port)):
        if not 0 <= number <= 65_535:
            raise UsageError(f"{flag} {number} is not a port.", "Give 0 to 65535.")
    settings = settings_for(home)
    options = {
        "home": str(settings.home),
        "bind": bind,
        "port": port,
        "http_port": http_port,
        "tls_cert": str(tls_cert) if tls_cert else None,
        "tls_key": str(tls_key) if tls_key else None,
        "host_names": list(host_name or ()),
        "shows_content": expose_content,
    }
    # In this process's place: whoever started it, a terminal or systemd, has its number and its signals.
    sys.stderr.flush()
    os.execv(sys.executable, command_of("llmwatch.serve.__main__", json.dumps(options)))
