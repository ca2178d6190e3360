"""Owns the read-only PostgreSQL wire: Grafana, psql and every other client of PostgreSQL ask the store through it.

`Wire` is the whole of it. The process that holds the connections never opens DuckDB; queries run in a small pool of
worker processes under limits of the kernel, each of which opens the store's file for the moment of a query.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ..settings import Settings
from .auth import FILE_NAME, USER, Authenticator, load_password
from .pool import Limits, Pool
from .server import CONNECTIONS, WireServer


@dataclass(frozen=True, slots=True)
class WireState:
    """What happened since the start."""

    open_connections: int
    connections: int
    refused: int
    failed_passwords: int
    broken: int
    queries: int
    failed_queries: int
    workers: int
    worker_deaths: int


class Wire:
    """The endpoint over the store of these settings."""

    def __init__(
        self,
        settings: Settings,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        is_tls_required: bool = False,
        shows_content: bool = False,
    ) -> None:
        self.password_path: Path = settings.home / FILE_NAME
        self.authenticator = Authenticator(load_password(settings.home))
        self._pool = Pool(settings.home, settings.store_path, limits or Limits(), shows_content=shows_content)
        self._server = WireServer(self._pool, self.authenticator, tls, is_tls_required=is_tls_required)

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port. OSError if it is taken."""
        return await self._server.start(host, port)

    async def close(self) -> None:
        """Ends all connections and workers."""
        await self._server.close()
        await self._pool.close()

    async def tidy(self) -> None:
        """Ends workers that nobody needs."""
        await self._pool.reap()

    def state(self) -> WireState:
        """For health and metrics."""
        counters = self._server.counters
        asked, failed = self._server.queries()
        return WireState(
            open_connections=self._server.open_connections,
            connections=counters.connections,
            refused=counters.refused,
            failed_passwords=counters.failed_passwords,
            broken=counters.broken,
            queries=asked,
            failed_queries=failed,
            workers=len(self._pool.pids),
            worker_deaths=self._pool.deaths,
        )


__all__ = ["CONNECTIONS", "USER", "Limits", "Wire", "WireState", "load_password"]
