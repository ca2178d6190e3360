"""Owns `llmwatch serve`: one process that keeps the store fresh, answers the PostgreSQL wire and shows a web page.

It listens on loopback; beyond it only with TLS and the password. It holds nothing that a kill could lose: calls are in
the spool or in the store, and any number of these may run on one store, each on its own ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import resource
import signal
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..settings import Settings
from ..store.apart import serving
from ..wire import USER, Limits, Wire
from .keeper import Keeper
from .pages import Pages, Place
from .ports import port_holder
from .web import WebServer

LOOPBACK: Final = "127.0.0.1"
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TIDY_S: Final = 30.0
# What closing may take before the process ends all the same.
_STOP_S: Final = 1.7


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve."""

    bind: str = LOOPBACK
    port: int = 5433
    # 0 takes any free port; None serves no pages.
    http_port: int | None = 5480
    tls_cert: Path | None = None
    tls_key: Path | None = None
    # Host names beside the bound address under which browsers may ask.
    host_names: tuple[str, ...] = ()
    shows_content: bool = False
    limits: Limits | None = None

    @property
    def is_local(self) -> bool:
        """True if nobody beyond this machine can connect."""
        try:
            return ipaddress.ip_address(self.bind).is_loopback
        except ValueError:
            return self.bind == "localhost"


@dataclass(frozen=True, slots=True)
class Listening:
    """Where it listens."""

    port: int
    http_port: int | None
    connection: str
    page: str | None


def tls_of(options: Options) -> ssl.SSLContext | None:
    """The server's side of TLS; UsageError for half a pair, and beyond loopback without one."""
    if (options.tls_cert is None) != (options.tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together.", "Give both.")
    if options.tls_cert is None or options.tls_key is None:
        if not options.is_local:
            raise UsageError(
                f"--bind {options.bind} is beyond this machine, where only TLS is served.",
                "Give --tls-cert and --tls-key, or leave --bind away.",
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, ssl.SSLError) as e:
        raise UsageError(f"--tls-cert and --tls-key cannot be used: {e}.", "Give PEM files that fit.") from e
    return context


def serve(settings: Settings, options: Options, say: Callable[[Listening], None]) -> None:
    """Serves until SIGTERM or SIGINT; `say` is told where. UsageError if it cannot begin."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    tls = tls_of(options)
    _raise_open_files()
    with serving(settings.home):
        asyncio.run(_Server(settings, options, tls).run(say))


def _raise_open_files() -> None:
    """A client is an open file, and many systems allow 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))


class _Server:
    """All parts of one run."""

    def __init__(self, settings: Settings, options: Options, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._options = options
        self._tls = tls
        self._wire = Wire(
            settings,
            limits=options.limits,
            tls=tls,
            is_tls_required=not options.is_local,
            shows_content=options.shows_content,
        )
        self._keeper = Keeper(settings)

    async def run(self, say: Callable[[Listening], None]) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        port = await self._bound(self._wire.start, self._options.port, "--port")
        connection = self._connection(port)
        pages = Pages(self._settings, self._wire, self._keeper.freshness, Place(connection, time.time()))
        web = WebServer(
            pages.routes(),
            _LOOPBACK_NAMES | {self._options.bind.lower()} | {name.lower() for name in self._options.host_names},
            self._tls,
            None if self._options.is_local else self._wire.authenticator.is_password,
        )
        http_port = None
        if self._options.http_port is not None:
            http_port = await self._bound(web.start, self._options.http_port, "--http-port")
        scheme = "http" if self._tls is None else "https"
        page = None if http_port is None else f"{scheme}://{self._options.bind}:{http_port}/"
        tasks = [
            asyncio.create_task(work)
            for work in (self._keeper.run(), self._keeper.refresh_forever(), self._tidy_forever())
        ]
        say(Listening(port, http_port, connection, page))
        ended = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.gather(self._wire.close(), web.close(), self._keeper.stop())
        for task in done - {ended}:
            task.result()

    async def _tidy_forever(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_S)
            await self._wire.tidy()

    async def _bound(self, start: Callable[[str, int], Awaitable[int]], port: int, flag: str) -> int:
        try:
            return await start(self._options.bind, port)
        except OSError as e:
            await self._wire.close()
            holder = port_holder(port)
            who = f" by process {holder}" if holder else ""
            taken = f"{flag} {port} on {self._options.bind} is taken{who}." if e.errno == errno.EADDRINUSE else None
            raise UsageError(
                taken or f"{flag} {port} on {self._options.bind} cannot be had: {os.strerror(e.errno or 0)}.",
                f"Give {flag} another number; 0 takes a free one.",
            ) from e

    def _connection(self, port: int) -> str:
        """What psql takes; the password is in the file it names."""
        mode = " sslmode=require" if self._tls is not None else ""
        return (
            f'psql "host={self._options.bind} port={port} user={USER} dbname=llmwatch{mode}'
            f' passfile={self._wire.password_path}"'
        )


__all__ = ["LOOPBACK", "Listening", "Options", "serve"]
