"""How the stand-in counts tokens and remembers prompts."""

import pytest
from openai import OpenAI

from llmwatch.standin import StandinServer, VirtualClock
from llmwatch.standin.tokens import count, tokenize

LONG = " ".join(f"clause{n} applies." for n in range(600))


@pytest.mark.parametrize("text", ["", "Hi, there!", "  two  spaces\n\nétat 東京 e\u0301 🙂\t", "a" * 40, "1,234.50"])
def test_tokens_join_to_the_text(text: str):
    """Nothing is lost or added by cutting a text into tokens."""
    assert "".join(tokenize(text)) == text


def test_a_word_is_counted_by_its_length():
    """Seven characters with their space are one token, eight are two, a mark is its own."""
    assert [count(text) for text in ("a seven77", "a eight888", "a, b")] == [2, 3, 3]


def _details(client: OpenAI, model: str, tail: str = ""):
    messages = [{"role": "system", "content": LONG}, {"role": "user", "content": tail or "Sum it up."}]
    usage = client.chat.completions.create(model=model, messages=messages).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    return usage.prompt_tokens, usage.prompt_tokens_details


def test_a_long_prefix_is_cached_for_ten_minutes(clock: VirtualClock):
    """A second prompt with the same front reads it cached, in steps of 128; ten minutes later not."""
    with StandinServer(clock=clock) as server, OpenAI(base_url=server.base_url, api_key="k") as client:
        _, first = _details(client, "gpt-4o")
        prompt, second = _details(client, "gpt-4o", "Another question.")
        clock.advance(601)
        _, third = _details(client, "gpt-4o")

    assert (first.cached_tokens, third.cached_tokens) == (0, 0)
    assert second.cached_tokens is not None
    assert 1024 <= second.cached_tokens <= prompt
    assert second.cached_tokens % 128 == 0


def test_only_newer_models_report_cache_writes(clock: VirtualClock):
    """gpt-4o leaves cache_write_tokens out; gpt-5.6 and later write what was not read."""
    with StandinServer(clock=clock) as server, OpenAI(base_url=server.base_url, api_key="k") as client:
        _, old = _details(client, "gpt-4o")
        prompt, new = _details(client, "gpt-5.6-luna")
        _, again = _details(client, "gpt-5.6-luna")

    assert old.cache_write_tokens is None
    assert new.cache_write_tokens is not None
    assert 0 < new.cache_write_tokens <= prompt
    assert again.cached_tokens is not None
    assert again.cached_tokens >= 1024
