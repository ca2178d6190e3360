"""Content for the store: media replaced, secrets gone also at cuts, sizes kept, always valid ASCII JSON."""

import base64
import hashlib
import json
import random
import time
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmwatch.capture import content
from llmwatch.capture.content import cap, prepare, replace_media
from llmwatch.capture.redact import Redactor

IMAGE = b"\x89PNG" + random.Random(1).randbytes(30_000)
ENCODED = base64.b64encode(IMAGE).decode()
DESCRIBED = {"media_type": "image/png", "bytes": len(IMAGE), "sha256": hashlib.sha256(IMAGE).hexdigest()}


@pytest.mark.parametrize(
    "text",
    [
        f"data:image/png;base64,{ENCODED}",
        ENCODED,
        ENCODED.rstrip("="),
        base64.urlsafe_b64encode(IMAGE).decode(),
        base64.encodebytes(IMAGE).decode(),
    ],
)
def test_media_in_every_encoding_becomes_type_size_and_hash(text: str) -> None:
    """Data URIs, base64, base64url and wrapped base64 give the hash of the bytes themselves."""
    assert replace_media([{"image_url": {"url": text}}]) == [{"image_url": {"url": DESCRIBED}}]


def test_bytes_become_type_size_and_hash() -> None:
    """Raw bytes are media when long, text when short."""
    assert replace_media((IMAGE, b"abc")) == [DESCRIBED, "abc"]


def test_media_of_a_data_uri_keeps_its_declared_type() -> None:
    """The declared type wins over the guess; a URI that is not base64 is measured as it stands."""
    assert replace_media(f"data:audio/wav;base64,{ENCODED}") == DESCRIBED | {"media_type": "audio/wav"}
    assert replace_media("data:text/plain," + "a b " * 200) == {
        "media_type": "text/plain",
        "bytes": 800,
        "sha256": hashlib.sha256(b"a b " * 200).hexdigest(),
    }


def test_media_inside_markdown_is_replaced_in_place() -> None:
    """The words around an embedded image stay."""
    replaced = replace_media(f"see ![x](data:image/png;base64,{ENCODED}) there")

    assert isinstance(replaced, str)
    assert replaced.startswith("see ![x](data:image/png;base64,[40")
    assert replaced.endswith(") there")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "data:",
        "data:image/png;base64,aGk=",
        "aGk=" * 30,
        "plain words " * 200,
        "x" * 5000,
        "字" * 5000,
        "https://example.org/" + "a" * 900,
    ],
)
def test_small_strings_and_plain_text_are_untouched(text: str) -> None:
    """Only long base64 is media."""
    assert replace_media({"a": text}) == {"a": text}


def test_a_megabyte_of_media_takes_milliseconds() -> None:
    """1 MB of base64 is measured and hashed in less than 40 ms."""
    url = "data:image/png;base64," + base64.b64encode(random.Random(2).randbytes(750_000)).decode()
    started = time.thread_time()

    replace_media(url)

    assert time.thread_time() - started < 0.04


@pytest.mark.parametrize("limit", [100, 1000, 5000])
def test_a_capped_text_keeps_head_and_tail_and_names_its_length(limit: int) -> None:
    """Never longer than the limit, both ends kept, the length noted."""
    text = "".join(chr(97 + index % 26) for index in range(10_000))

    capped = cap(text, limit)

    assert len(capped) == limit
    assert "10000 characters" in capped
    assert capped[:20] == text[:20]
    assert capped[-20:] == text[-20:]


def test_content_is_redacted_counted_and_ascii() -> None:
    """Decoded strings are redacted before they are escaped; lone surrogates and NaN make no trouble."""
    prepared = prepare([{"role": "user", "content": "a\n030 1234567\nb@c.de \ud800 ü", "x": float("nan")}], Redactor())

    assert prepared.json == '[{"role":"user","content":"a\\n[phone]\\n[email] \\ud800 \\u00fc","x":"nan"}]'
    assert (prepared.redactions, prepared.truncated, prepared.failed) == (2, False, None)


@pytest.mark.parametrize("offset", range(0, 60, 7))
def test_a_secret_that_the_cut_would_halve_is_gone(offset: int) -> None:
    """No part of a key that straddles the rough or the exact cut survives, wherever it stands."""
    key = "sk-proj-" + "Ab1" * 40
    limit = 8192
    text = "word " * 20_000
    redactor = Redactor(budget_ms=5000)
    places = (
        limit // 2 - offset * 3,
        limit // 2 + 2048 - offset * 3,
        len(text) - limit // 2 - offset * 3,
        len(text) - limit // 2 - 2048 - offset * 3,
    )

    leaked = [
        at
        for at in places
        if "Ab1Ab1" in (prepare([text[:at] + " " + key + " " + text[at:]], redactor, limit).json or "")
    ]

    assert leaked == []


def test_a_cut_holds_when_redaction_shrinks_the_text() -> None:
    """A text that is short only because it was redacted is still cut where the search stopped."""
    text = "anna.lindgren@example.org " * 4000

    prepared = prepare([text], Redactor(budget_ms=5000), per_message=4096)

    assert prepared.truncated
    assert "104000 characters" in (prepared.json or "")
    assert "example" not in (prepared.json or "")


def test_a_call_over_its_cap_keeps_the_first_and_the_last_messages() -> None:
    """The system prompt and the newest turns stay; what was left out is counted."""
    messages = [{"content": f"{number} " + "x" * 1000} for number in range(100)]

    prepared = prepare(messages, None, per_call=10_000)
    kept = json.loads(prepared.json or "")

    assert len(prepared.json or "") <= 10_000
    assert prepared.truncated
    assert kept[0] == messages[0]
    assert kept[-1] == messages[-1]
    assert kept[1]["omitted_messages"] == 100 - (len(kept) - 1)


def test_one_message_over_the_calls_cap_is_cut() -> None:
    """A single large object still gives JSON within the cap."""
    prepared = prepare({"a": ['"\\' * 5000] * 10}, None, per_call=5000)

    assert len(prepared.json or "") <= 5000
    assert json.loads(prepared.json or "")


def test_a_failed_redaction_stores_nothing() -> None:
    """Over the budget there is no JSON, only the reason."""
    prepared = prepare(["mail a@b.co and 030 1234567 " * 1000], Redactor(budget_ms=0.01))

    assert (prepared.json, prepared.failed) == (None, "redaction_failed")


class _Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_odd_objects_are_shown_by_a_safe_repr() -> None:
    """Tuples, views, huge integers and objects that refuse to be shown all give JSON."""
    odd = ({1: {2}}, MappingProxyType({"a": b"\xff"}), 10**5000, _Hostile(), range(3), iter("ab"))

    prepared = prepare(odd, Redactor(budget_ms=5000))

    assert json.loads(prepared.json or "")[:4] == [
        {"1": "{2}"},
        {"a": "\ufffd"},
        "<integer of 16610 bits>",
        "<_Hostile>",
    ]


def test_an_iterator_is_not_consumed() -> None:
    """What the SDK still has to read is left alone."""
    messages = iter(["a", "b"])

    prepare({"messages": messages}, None)

    assert list(messages) == ["a", "b"]


def test_a_value_that_contains_itself_is_refused() -> None:
    """A cycle fails closed with its reason."""
    cycle: list[object] = []
    cycle += [cycle, cycle]

    assert prepare(cycle, None).failed == "content_too_large"
    assert replace_media(cycle) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    )
)
def test_any_value_gives_ascii_json(value: object) -> None:
    """Whatever is handed in, the result parses and is ASCII."""
    prepared = prepare(value, Redactor(budget_ms=5000))

    assert prepared.failed is None
    assert (prepared.json or "").isascii()
    json.loads(prepared.json or "")


def _prose(rng: random.Random, size: int) -> str:
    words = ["invoice", "answer", "customer", "shipment", "review", "pending"]
    return " ".join(rng.choices(words, k=size // 7))


@pytest.mark.parametrize(
    ("rows", "size"), [(1, 300_000), (30, 10_000), (400, 1000), (3000, 200)], ids=["one", "thirty", "many", "thousands"]
)
def test_a_long_prompt_keeps_its_first_message_and_its_newest_and_says_what_is_cut(rows: int, size: int) -> None:
    """Above what can be searched in time, also where none of it was seen before."""
    rng = random.Random(rows)
    messages = [{"role": "system", "content": "Answer by the documents below, briefly please."}]
    messages += [{"role": "user", "content": _prose(rng, size)} for _ in range(rows)]
    messages += [{"role": "user", "content": "Now write to anna.lindgren@example.org what the documents say of it."}]

    prepared = prepare(messages, Redactor())
    kept = json.loads(prepared.json or "[]")

    assert (prepared.failed, prepared.truncated) == (None, True)
    assert kept[0] == messages[0]
    assert kept[-1]["content"] == "Now write to [email] what the documents say of it."
    assert "characters originally" in (prepared.json or "") or "omitted_messages" in kept[1]


def test_one_long_message_is_kept_to_its_own_limit() -> None:
    """Whole messages are tried first where they are likely to be searched in time; cutting is for what is longer."""
    text = _prose(random.Random(4), 300_000)

    prepared = prepare([{"role": "user", "content": text}], Redactor(budget_ms=5000))

    assert 32_000 <= len(json.loads(prepared.json or "")[0]["content"]) <= 32 * 1024


def test_a_history_that_was_searched_before_is_kept_whole() -> None:
    """What the redactor remembers costs no time again, so that a conversation is not cut for growing."""
    rng, redactor = random.Random(2), Redactor()
    messages = [{"role": "user", "content": _prose(rng, 700)} for _ in range(60)]
    for upto in range(10, 61, 10):
        prepare(messages[:upto], redactor)

    prepared = prepare(messages, redactor)

    assert json.loads(prepared.json or "") == messages
    assert not prepared.truncated


@pytest.mark.parametrize("offset", range(0, 2000, 97))
def test_a_secret_at_the_edge_of_a_short_piece_is_gone(offset: int) -> None:
    """The pieces of texts that were not reached are searched beyond where they are cut, too."""
    key = "sk-proj-" + "Ab1" * 20
    text = "word " * 2000
    cut = content._Cut(32 * 1024)  # pyright: ignore[reportPrivateUsage]
    piece = cut.shorter(text[:offset] + " " + key + " " + text[offset:], 1024)

    redacted, _ = Redactor(budget_ms=5000).text(piece)

    assert "Ab1Ab1Ab1" not in str(cut.exactly(redacted or ""))
