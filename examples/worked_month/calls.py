"""Makes the calls of the worked month: September 2026 in two seconds, the real SDK, HTTP, a virtual clock.

$ LLMWATCH_HOME=/tmp/worked python examples/worked_month/calls.py
400 calls of September 2026 are in /tmp/worked
"""

import os
from datetime import UTC, datetime

from openai import OpenAI

import llmwatch
from llmwatch.standin import Reply, RequestInfo, StandinServer, VirtualClock

# One call of each model, at list price: 1,000 tokens in, and out
#   gpt-6.1-sol   74,800: 1,000 x $2.00 / 1e6 + 74,800 x $10.00 / 1e6 = $0.002 + $0.748  = $0.75
#   gpt-6-luna   119,800: 1,000 x $0.10 / 1e6 + 119,800 x $0.50 / 1e6 = $0.0001 + $0.0599 = $0.06
OUTPUT_TOKENS = {"gpt-6.1-sol": 74_800, "gpt-6-luna": 119_800}
# 994 words of one token each; the framing of one message and of the request are 3 tokens each.
PROMPT = " ".join(["a"] * 994)
# Customer, task, model, first day, calls; each customer's calls are an hour apart.
CALLS = (
    ("initech", "chat", "gpt-6.1-sol", 1, 80),
    ("globex", "reply.draft", "gpt-6.1-sol", 16, 20),
    ("acme", "reply.draft", "gpt-6.1-sol", 2, 100),
    ("acme", "ticket.classify", "gpt-6-luna", 8, 100),
    ("hooli", "ticket.classify", "gpt-6-luna", 5, 50),
    ("umbrella", "chat", "gpt-6.1-sol", 10, 10),
    ("", "ticket.classify", "gpt-6-luna", 20, 40),
)
HOUR_NS = 3_600_000_000_000


def answer(info: RequestInfo) -> Reply:
    """One word, and so much thinking before it that the output has the tokens that are wanted."""
    return Reply(text="Done", reasoning_tokens=OUTPUT_TOKENS[info.model] - 1, cached_tokens=0)


def main() -> None:
    """All calls in the order of their time."""
    start_ns = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
    made = sorted(
        (start_ns + ((day - 1) * 24 + hour) * HOUR_NS, customer, task, model)
        for customer, task, model, day, calls in CALLS
        for hour in range(calls)
    )
    clock = VirtualClock(start_ns)
    llmwatch.init(clock=clock.time_ns)
    with (
        StandinServer(clock=clock, brain=answer, keep_requests=1) as server,
        OpenAI(base_url=server.base_url, api_key="sk-standin") as client,
    ):
        for at_ns, customer, task, model in made:
            clock.move_to(at_ns)
            with llmwatch.task(task), llmwatch.customer(customer):
                client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}])
    llmwatch.shutdown()
    print(f"{len(made)} calls of September 2026 are in {os.environ.get('LLMWATCH_HOME', 'the home of llmwatch.toml')}")


if __name__ == "__main__":
    main()
