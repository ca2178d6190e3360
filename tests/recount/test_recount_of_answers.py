"""Rows that are not one request, recounted: sums of batches, answers fetched later, counts of tools, missing rates."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import openai._base_client as base
import pytest

import llmwatch
from tests.store.records import query, store

from .calculator import recount
from .comparing import CLOSE, Stored, differing, stored
from .draws import LONG, NEW_KINDS, TEXT, Chance, Draw, drawn

# Until the rules are merged that these tests hold the product to.
ARE_RULES_MERGED = True
pytestmark = pytest.mark.skipif(
    not ARE_RULES_MERGED, reason="the rules of rows that are not one request are not merged"
)

SEED = 20261122
NOW_US = time.time_ns() // 1000
LIBRARY: Any = base.httpx2 if hasattr(base, "httpx2") else base.httpx
UNFINISHED = ("validating", "queued", "in_progress", "finalizing", "cancelling")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """What the store says of every call that is drawn."""
    return stored(tmp_path_factory.mktemp("recount") / "home", (call for _, call in drawn(SEED, NEW_KINDS)))


@pytest.mark.parametrize("kind", [kind.__name__ for kind in NEW_KINDS])
def test_a_row_costs_what_the_second_calculator_says(kind: str, found: Stored) -> None:
    """Every part of it, what the cache saved, and how sure it is."""
    calls = [call for other, call in drawn(SEED, NEW_KINDS) if other == kind]

    wrong = differing(kind, calls, found)

    assert not wrong, f"{len(wrong)} of {len(calls)} differ:\n" + "\n".join(wrong[:5])


class Player:
    """A real client whose requests are answered from `bodies`, the longest fitting end of the path first."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bodies: dict[str, Json] = {}
        transport = LIBRARY.MockTransport(self._answer)
        self.client = openai.OpenAI(
            base_url="https://api.openai.com/v1", api_key="k", max_retries=0,
            http_client=LIBRARY.Client(transport=transport),
        )  # fmt: skip

    def _answer(self, request: Any) -> Any:
        ends = [end for end in self.bodies if request.url.path.endswith(end)]
        return LIBRARY.Response(200, content=json.dumps(self.bodies[max(ends, key=len)]).encode())

    def costs(self) -> dict[str, tuple[Decimal | None, int, str]]:
        """Answer's id -> (sum of its rows, how many of them have no cost, the worst of their grades)."""
        llmwatch.shutdown()
        opened = store(self.home)
        assert opened.merge().blocked is None
        rows = query(
            opened,
            "select response_id, sum(cost_usd), count(*) - count(cost_usd), max(cost_grade) from calls group by 1",
        )
        return {row[0]: row[1:] for row in rows}


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    """Capture is on while it plays."""
    home = tmp_path / "home"
    llmwatch.init(home=home)
    made = Player(home)
    yield made
    made.client.close()
    llmwatch.shutdown()


def usage(call: Draw) -> Json:
    """The usage of a call in the words of the Responses API."""
    details = {"cached_tokens": call["cached_input_tokens"]}
    if "cache_write_tokens" in call:
        details["cache_write_tokens"] = call["cache_write_tokens"]
    return {
        "input_tokens": call["input_tokens"],
        "output_tokens": call["output_tokens"],
        "total_tokens": call["input_tokens"] + call["output_tokens"],
        "input_tokens_details": details,
        "output_tokens_details": {"reasoning_tokens": call.get("reasoning_tokens", 0)},
    }


def response(id_: str, call: Draw, status: str = "completed", **more: Any) -> Json:
    """A response as OpenAI sends it; usage only where the status is that of an end, unless said otherwise."""
    return {
        "id": id_, "object": "response", "created_at": 1_790_000_000, "status": status, "model": call["response_model"],
        "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "service_tier": "default",
        "usage": usage(call) if status == "completed" else None, **more,
    }  # fmt: skip


def batch(id_: str, call: Draw, requests: int, status: str, share: float | None) -> Json:
    """A batch that has counted a share of its usage, or reports none."""
    part = {k: int(v * (share or 0)) if isinstance(v, int) else v for k, v in call.items()}
    return {
        "id": id_, "object": "batch", "endpoint": "/v1/responses", "status": status, "input_file_id": "file-i",
        "completion_window": "24h", "created_at": 1, "model": call["response_model"], "output_file_id": "file-o",
        "request_counts": {"completed": int(requests * (share or 0)), "failed": 0, "total": requests},
        "usage": None if share is None else usage(part),
    }  # fmt: skip


def test_a_batch_costs_the_usage_it_ends_with(player: Player) -> None:
    """However often it was looked at while it ran, and whatever it had counted by then."""
    draw, chance = random.Random(SEED), Chance(SEED)
    expected: dict[str, Draw] = {}
    for number in range(120):
        model = draw.choice([m for m in LONG if m not in ("gpt-5.4-pro", "gpt-5.5-pro")])
        call = chance.call(
            model, is_batch=True, started_us=NOW_US, **chance.usage(model, draw.randrange(1000, 9_000_000))
        )
        call.pop("cache_write_tokens", None)
        id_, requests = f"batch_{number}", draw.randrange(1, 2000)
        steps = [(draw.choice(UNFINISHED[:1] + UNFINISHED[2:]), draw.choice((None, 0.0, 0.4))) for _ in range(3)]
        for status, share in [*steps[: draw.randrange(4)], ("completed", 1.0)]:
            player.bodies[f"/batches/{id_}"] = batch(id_, call, requests, status, share)
            player.client.batches.retrieve(id_)
        expected[id_] = call

    costs = player.costs()

    for id_, call in expected.items():
        answer = recount(call)
        assert answer.usd is not None
        usd, unpriced, _ = costs[id_]
        assert usd is not None and abs(usd - answer.usd) <= CLOSE, (id_, call, costs[id_], answer)
        assert unpriced == 0, (id_, costs[id_])


def test_an_answer_made_in_the_background_costs_what_it_ends_with(player: Player) -> None:
    """Queued with no usage or with zeros, then read until it is there, and once more."""
    draw, chance = random.Random(SEED), Chance(SEED)
    expected: dict[str, Draw] = {}
    for number in range(80):
        model, id_ = draw.choice(TEXT), f"resp_{number}"
        call = chance.call(
            model, service_tier="default", started_us=NOW_US, **chance.usage(model, draw.randrange(1, 20_000))
        )
        zeros = usage({"input_tokens": 0, "output_tokens": 0, "cached_input_tokens": 0})
        waiting = response(id_, call, "queued", usage=draw.choice((None, zeros)), background=True)
        player.bodies["/responses"] = player.bodies[f"/responses/{id_}"] = waiting
        player.client.responses.create(model=model, input="go", background=True)
        for _ in range(draw.randrange(3)):
            player.client.responses.retrieve(id_)
        player.bodies[f"/responses/{id_}"] = response(id_, call, background=True)
        player.client.responses.retrieve(id_)
        player.client.responses.retrieve(id_)
        expected[id_] = call

    costs = player.costs()

    for id_, call in expected.items():
        assert costs[id_] == (pytest.approx(recount(call).usd, abs=CLOSE), 0, "A"), (id_, call)


def test_the_tools_of_an_answer_cost_what_it_says_that_they_did(player: Player) -> None:
    """`tool_usage` counts what is billed: not the items of the output, and images at the rates of the image model."""
    draw, chance = random.Random(SEED), Chance(SEED)
    expected: dict[str, Decimal] = {}
    for number in range(80):
        model = draw.choice([m for m in TEXT if m.startswith(("gpt-5", "gpt-6"))])
        call = chance.call(
            model, service_tier="default", started_us=NOW_US, **chance.usage(model, draw.randrange(1, 20_000))
        )
        searches, image = draw.randrange(4), draw.choice((0, draw.randrange(1, 8000)))
        words = draw.randrange(200) if image else 0
        items = [
            {
                "type": "web_search_call",
                "id": f"ws_{i}",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            }
            for i in range(draw.randrange(1, 4))
        ]
        made = {
            "input_tokens": words,
            "output_tokens": image,
            "total_tokens": words + image,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": words},
            "output_tokens_details": {"image_tokens": image, "text_tokens": 0},
        }
        tools: list[Json] = [{"type": "web_search"}]
        if image:
            items.append({"type": "image_generation_call", "id": "ig", "status": "completed", "result": "aGk="})
            tools.append({"type": "image_generation", "model": "gpt-image-2"})
        counted = {"image_gen": made, "web_search": {"num_requests": searches}}
        id_ = f"resp_{number}"
        player.bodies["/responses"] = response(id_, call, output=items, tools=tools, tool_usage=counted)
        player.client.responses.create(model=model, input="go", tools=tools)
        split = {"text_input_tokens": words, "image_output_tokens": image, "text_output_tokens": 0}
        drawing = chance.call("gpt-image-2", input_tokens=words, output_tokens=image, **split)
        expected[id_] = (recount(call | {"web_search_calls": searches}).usd or 0) + (recount(drawing).usd or Decimal(0))

    costs = player.costs()

    for id_, usd in expected.items():
        assert abs((costs[id_][0] or Decimal(-1)) - usd) <= CLOSE, (id_, costs[id_], usd)
        assert costs[id_][1] == 0
