"""The half that lives in the customer's process: hooks in the OpenAI SDK, one span per call, one line on disk.

The only public door is here. Never imports duckdb, polars, typer, rich or a price library, never opens a socket,
and nothing it does changes what a call returns, raises or when.
"""

from __future__ import annotations

import atexit
import logging
import os
import platform
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import trace as trace_api

from .. import pseudonym
from ..call import SCOPE_NAME
from ..settings import Settings, load_settings
from . import hook, pools, websocket
from .call_site import forget_sites
from .disk import SpoolRecorder
from .guard import Observe
from .ledger import feedback, outcome, revenue
from .outgoing import SCHEMA_URL, Metrics
from .program import note_application, service_name
from .recorder import Recorder, state
from .tags import NoContent, customer, feature, session, task, user

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from .export import SpoolSpanExporter, SpoolSpanProcessor
    from .instrumentor import OpenAIInstrumentor

__all__ = [
    "NoContent",
    "OpenAIInstrumentor",
    "SpoolSpanExporter",
    "SpoolSpanProcessor",
    "customer",
    "feature",
    "feedback",
    "init",
    "outcome",
    "revenue",
    "session",
    "shutdown",
    "task",
    "user",
]

_log: Final = logging.getLogger("llmwatch")
_lock: Final = threading.Lock()
_BASE_CLIENT: Final = "openai._base_client"
_HOOKED: Final = (_BASE_CLIENT, pools.MODULE, *websocket.MODULES)
_registered = False


def init(
    *,
    tracer_provider: trace_api.TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    clock: Callable[[], int] | None = None,
    **settings: Any,
) -> None:
    """Captures every OpenAI call of this process from now on, also through clients made before.

    Never raises. `settings` are those of llmwatch.toml (home, service_name, content, sample_rate, ...); a wrong one,
    given here, in the environment or in the file, is logged as an error and replaced by its safest value.
    With `tracer_provider` the spans go to that provider and the records still to the spool, whatever its sampler
    drops; prompts and answers go with them only where OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for it.
    With `meter_provider` it gets the convention's metrics. `clock` gives nanoseconds since the epoch, for tests and
    demos. A second call replaces the settings.
    """
    caller = sys._getframe(1).f_globals  # pyright: ignore[reportPrivateUsage]
    try:
        _begin(settings, tracer_provider, meter_provider, clock, caller)
    except Exception as e:
        state.recorder = None
        _say(logging.ERROR, f"init() failed, and no call is captured: {type(e).__name__}: {str(e)[:200]}")


def _say(level: int, text: str) -> None:
    # A program's own log handlers may raise.
    with suppress(Exception):
        _log.log(level, "llmwatch: %s", text)


def _begin(
    settings: Mapping[str, Any],
    tracer_provider: trace_api.TracerProvider | None,
    meter_provider: MeterProvider | None,
    clock: Callable[[], int] | None,
    caller: Mapping[str, Any],
) -> None:
    loaded = load_settings(
        settings,
        on_error=lambda e: _say(logging.ERROR, str(e)),
        on_doubt=lambda text: _say(logging.WARNING, text),
    )
    with _lock:
        state.settings = loaded
        if loaded.disabled:
            _stop()
            return
        _stop()
        with Observe("application"):
            note_application(loaded.app_packages, caller)
            forget_sites()
        state.recorder = _recorder(loaded, tracer_provider, meter_provider, clock, caller)
        _register()


def shutdown() -> None:
    """Stops capturing and records the streams still open; what has ended is on disk already."""
    with _lock:
        _stop()


def _stop() -> None:
    recorder, state.recorder = state.recorder, None
    if recorder is not None:
        recorder.close()
        recorder.seal()


def _end() -> None:
    """At exit nothing is synced: what is written survives the process, and a slow disk must not hold it up.

    Capture goes on: what the program registered before `init` runs after this, and calls the model for a last time.
    """
    if state.recorder is not None:
        state.recorder.close()


def _recorder(
    settings: Settings,
    tracer_provider: trace_api.TracerProvider | None,
    meter_provider: MeterProvider | None,
    clock: Callable[[], int] | None,
    caller: Mapping[str, Any],
) -> Recorder:
    spool = SpoolRecorder(settings, clock)
    resource = _resource(settings, caller)
    recorder = Recorder(
        settings,
        lambda span: spool.write_span(span, resource),
        tracer=tracer_provider.get_tracer(SCOPE_NAME, _version("llmwatch"), SCHEMA_URL) if tracer_provider else None,
        pseudonym=_pseudonymise(settings),
        clock=clock,
        write_attempt=spool.write_attempt if settings.attempts == "on" else None,
        seal=spool.spool.close,
        spool=spool.spool,
    )
    recorder.metrics = _metrics(meter_provider)
    return recorder


def _metrics(provider: MeterProvider | None) -> Metrics | None:
    if provider is not None:
        with Observe("metrics"):
            return Metrics(provider.get_meter(SCOPE_NAME, _version("llmwatch"), SCHEMA_URL))
    return None


def _pseudonymise(settings: Settings) -> Callable[[str], str] | None:
    if settings.user_ids == "plain":
        return None
    key = pseudonym.load_key(settings.key_path, create=True)
    if key is None:
        _say(logging.WARNING, f"no pseudonym key at {settings.key_path} can be read or made; user ids are not stored")
        return lambda user_id: ""
    return lambda user_id: pseudonym.pseudonym(key, user_id)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _resource(settings: Settings, caller: Mapping[str, Any]) -> Mapping[str, Any]:
    """Who makes the calls. Built by hand: resource detectors may read files and the network."""
    attributes: dict[str, Any] = dict(_environment_attributes())
    name = settings.service_name or os.environ.get("OTEL_SERVICE_NAME") or attributes.get("service.name")
    attributes["service.name"] = name or service_name(caller)
    if settings.service_version:
        attributes["service.version"] = settings.service_version
    if settings.environment:
        attributes["deployment.environment.name"] = settings.environment
    attributes.setdefault("service.instance.id", os.urandom(8).hex())
    attributes["host.name"] = platform.node()
    attributes["llmwatch.version"] = _version("llmwatch")
    attributes["llmwatch.openai.version"] = _version("openai")
    return attributes


def _environment_attributes() -> Mapping[str, str]:
    pairs = (p.partition("=") for p in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    return {key.strip(): value.strip() for key, _, value in pairs if key.strip() and value.strip()}


def _register() -> None:
    """Hooks the SDK now if it is imported, else when it is: `init` never imports it."""
    global _registered  # noqa: PLW0603 - import hooks cannot be taken back, so they are registered once
    if _registered:
        for name in _HOOKED:
            if name in sys.modules:
                _install(sys.modules[name])
        return
    _registered = True
    for name in _HOOKED:
        wrapt.register_post_import_hook(_install, name)
    atexit.register(_end)


def _install(module: Any) -> None:
    with Observe("hooks"):
        if module.__name__ == _BASE_CLIENT:
            hook.install(module)
        elif module.__name__ == pools.MODULE:
            pools.install(module)
        else:
            websocket.install(module)


def uninstall() -> None:
    """Stops capturing and takes the hooks off the SDK again."""
    shutdown()
    for name in _HOOKED:
        if (module := sys.modules.get(name)) is not None:
            {_BASE_CLIENT: hook, pools.MODULE: pools}.get(name, websocket).uninstall(module)


def __getattr__(name: str) -> Any:
    # Lazy: the instrumentor's base class loads a parser of package requirements, and few programs use it.
    if name == "OpenAIInstrumentor":
        from .instrumentor import OpenAIInstrumentor

        return OpenAIInstrumentor
    # So is the SDK of OpenTelemetry, a third of what `init` would take, for who has spans of others kept as calls.
    if name in ("SpoolSpanExporter", "SpoolSpanProcessor"):
        from . import export

        return getattr(export, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
