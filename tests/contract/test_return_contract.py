"""The contract that comes first: what a call returns, raises, sends and logs is the same with llmwatch as without.

And what is recorded of it is exactly one record per call, with what the caller saw in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

import llmwatch
from llmwatch.capture import guard, hook
from llmwatch.spool import ATTEMPT, CALL
from tests.spooled import Follower

from .bare import bare_outcome
from .kit import RepeatableServer, Way, run
from .ways import WAYS, lacks

# What each SDK lacks, by name: a way that is skipped without standing here fails the test below.
LACKING = {
    "1": {
        "responses.compact",
        "responses.connect",
        "realtime without TLS",
        "BedrockOpenAI",
        "httpx2",
        "DefaultAioHttpClient",
    },
    "2": {"httpx2", "DefaultAioHttpClient"},
    "3": set[str](),
}
NEEDS = {way.needs for way in WAYS if way.needs}
RUNNABLE = [way for way in WAYS if not lacks(way.needs)]
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "redacted": {"content": "redacted"},
    "metadata-no-attempts": {"content": "metadata", "attempts": "off"},
    "full": {"content": "full"},
    "ask-of-an-unknown-host": {"stream_usage": "ask"},
    "provider-of-the-program": {"tracer_provider": TracerProvider(sampler=TraceIdRatioBased(0.01))},
}


def test_only_the_named_ways_are_skipped():
    """Each SDK lacks exactly what is written down for its major version."""
    assert {need for need in NEEDS if lacks(need)} == LACKING[openai.__version__.partition(".")[0]]


class Recorded:
    """What was written since the last look."""

    def __init__(self, home: Path, settings: dict[str, Any]) -> None:
        self.lists_attempts = settings.get("attempts") != "off"
        self._follower = Follower(home)

    def new(self, kind: bytes) -> list[dict[str, Any]]:
        """The records of one kind not yet looked at, in the order of their start."""
        recorder = hook.state.recorder
        assert recorder is not None
        recorder.drain()
        return sorted(self._follower.new(kind), key=lambda r: r["started_us"])


# Old SDKs leave the socket of a dropped stream to the collector, in whichever test that runs.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Capture switched on in one configuration."""
    home = tmp_path_factory.mktemp("home")
    llmwatch.init(home=home, **CONFIGURATIONS[request.param])
    yield Recorded(home, CONFIGURATIONS[request.param])
    llmwatch.shutdown()


@pytest.mark.parametrize("way", RUNNABLE, ids=lambda way: way.id)
def test_a_call_looks_the_same_and_is_recorded_once(way: Way, recorded: Recorded, server: RepeatableServer):
    """The outcome equals the bare SDK's, nothing of ours is logged, and the records say what the caller saw."""
    bare = bare_outcome(way, server)
    recorded.new(CALL), recorded.new(ATTEMPT)
    failures = dict(guard.failures)

    seen, kit = run(way, server)

    assert seen.plain() == bare.plain()
    assert seen.said == []
    assert dict(guard.failures) == failures
    assert_no_trace_headers_added(seen.received, way)
    calls, attempts = recorded.new(CALL), recorded.new(ATTEMPT)
    assert len(calls) == len(kit.expected), [c.get("endpoint") for c in calls]
    by_order = calls if not way.name.startswith("api_key") else sorted(calls, key=lambda c: c["endpoint"])
    problems = [
        problem
        for call, expected in zip(by_order, kit.expected, strict=True)
        for problem in differences(call, expected, tries_of(call, attempts) if recorded.lists_attempts else None)
    ]
    assert problems == []


def tries_of(call: dict[str, Any], attempts: list[dict[str, Any]]) -> int:
    """How many HTTP tries were recorded under a call."""
    return sum(attempt["parent_span_id"] == call["span_id"] for attempt in attempts)


def assert_no_trace_headers_added(received: list[Any], way: Way) -> None:
    """The wire carries no propagation header but the caller's own."""
    own = way.name == "chat_own_trace_headers"
    names = {name.lower() for _, _, headers, _ in received for name, _ in headers}
    assert names & {"traceparent", "tracestate", "baggage"} == ({"traceparent", "baggage"} if own else set())


def differences(call: dict[str, Any], expected: dict[str, Any], tries: int | None) -> list[str]:
    """What the record says otherwise than expected; a tuple names alternatives, None means absent."""
    wanted = dict(expected)
    found: list[str] = []
    if tries not in (None, wanted.pop("attempts", tries)):
        found.append(f"{tries} attempts, not {expected['attempts']}")
    if "has_first_token" in wanted and (call.get("time_to_first_token") is not None) != wanted.pop("has_first_token"):
        found.append(f"time_to_first_token is {call.get('time_to_first_token')}")
    if "first_token_after_s" in wanted and not call["time_to_first_token"] >= wanted.pop("first_token_after_s"):
        found.append(f"time_to_first_token is {call['time_to_first_token']}")
    for column, value in wanted.items():
        if call.get(column) not in (value if isinstance(value, tuple) else (value,)):
            found.append(f"{column} is {call.get(column)!r}, not {value!r}")
    if call["ended_us"] < call["started_us"]:
        found.append("ended before it started")
    return found
