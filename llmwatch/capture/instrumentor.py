"""The standard OpenTelemetry door to capture, found by `opentelemetry-instrument` through its entry point."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from opentelemetry import trace as trace_api
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from . import init, uninstall

# What the standard passes to every instrumentor, and what is no setting of ours.
_STANDARD: Final = frozenset(
    {"tracer_provider", "meter_provider", "logger_provider", "skip_dep_check", "raise_exception_on_conflict"}
)


class OpenAIInstrumentor(BaseInstrumentor):
    """`init` in the standard's shape: spans go to the given or global provider, records to the spool."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """The SDK versions that the hooks fit."""
        return ("openai >= 1.66, < 4",)

    def _instrument(self, **kwargs: Any) -> None:
        provider = kwargs.get("tracer_provider") or trace_api.get_tracer_provider()
        # Metrics leave only for a provider that is given: the global one may be somebody else's, and costs each call.
        meters = kwargs.get("meter_provider")
        init(tracer_provider=provider, meter_provider=meters, **{k: v for k, v in kwargs.items() if k not in _STANDARD})

    def _uninstrument(self, **kwargs: Any) -> None:
        uninstall()
