# ruff: noqa: E501  (tables of words, a row a line)
"""Families of secrets and personal data as they are written in 2026, and their neighbours that must stay."""

import base64
import json
import random
import string
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from llmwatch.capture.redact import Redactor

AMPLE_MS = 2000.0
MIXED, HEX, UPPER, LETTERS = (
    string.ascii_letters + string.digits,
    "0123456789abcdef",
    string.ascii_uppercase + string.digits,
    string.ascii_letters,
)


def _run(rng: random.Random, alphabet: str, size: int) -> str:
    return "".join(rng.choices(alphabet, k=size))


Made = Callable[[random.Random], str]


def _key(prefix: str, alphabet: str, size: int, suffix: str = "") -> Made:
    return lambda rng: prefix + _run(rng, alphabet, size) + suffix


# Formats as their vendors document them; the last six stand for a vendor that nobody here knows.
KEYS: dict[str, Made] = {
    "new relic user": _key("NRAK-", UPPER, 27),
    "new relic license": _key("", HEX, 36, "NRAL"),
    "vercel": _key("vcp_", MIXED, 56),
    "netlify": _key("nfp_", MIXED, 36),
    "resend": lambda rng: f"re_{_run(rng, MIXED, 8)}_{_run(rng, MIXED, 24)}",
    "cloudflare": _key("cfut_", MIXED, 48),
    "cloudflare origin": lambda rng: f"v1.0-{_run(rng, HEX, 24)}-{_run(rng, HEX, 146)}",
    "square": _key("EAAA", MIXED + "-_", 60),
    "square app": _key("sq0atp-", MIXED, 22),
    "airtable": lambda rng: f"pat{_run(rng, MIXED, 14)}.{_run(rng, HEX, 64)}",
    "hugging face org": _key("api_org_", LETTERS, 34),
    "segment": _key("sgp_", MIXED, 64),
    "okta": _key("Authorization: SSWS 00", MIXED, 40),
    "okta bare": _key("SSWS 00", MIXED, 40),
    "asana": lambda rng: f"1/{_run(rng, string.digits, 16)}:{_run(rng, HEX, 32)}",
    "npm basic": _key("//registry.example.org/:_auth=", MIXED, 32),
    "npm token": _key("//registry.example.org/:_authToken=", MIXED, 36),
    "azure sas": _key("https://a.blob.core.windows.net/c?sv=2024&sig=", MIXED, 40, "%3D"),
    "aws signature": _key("?X-Amz-Expires=60&X-Amz-Signature=", HEX, 64),
    "hf without digits": _key("hf_", LETTERS, 34),
    "github without digits": _key("ghp_", LETTERS, 36),
    "tailscale": lambda rng: f"tskey-auth-{_run(rng, MIXED, 16)}-{_run(rng, MIXED, 32)}",
    "unknown a": _key("zyx_", MIXED, 40),
    "unknown b": _key("qlm_live_", MIXED, 36),
    "unknown c": _key("brx-", MIXED, 44),
    "env list": lambda rng: json.dumps({"name": "DB_PASSWORD", "value": _run(rng, MIXED, 12)}),
    "base64": lambda rng: base64.b64encode(f"DB_PASSWORD={_run(rng, MIXED, 20)}".encode()).decode(),
    "base64 of json": lambda rng: base64.b64encode(
        json.dumps({"user": "app", "api_key": _run(rng, MIXED, 24)}).encode()
    ).decode(),
    "percent": lambda rng: quote(json.dumps({"password": _run(rng, MIXED, 16)}), safe=""),
    "json in json": lambda rng: json.dumps(json.dumps({"password": _run(rng, MIXED, 16)})),
    "json in json in json": lambda rng: json.dumps(json.dumps(json.dumps({"api_key": _run(rng, MIXED, 24)}))),
}


def _digits(rng: random.Random, shape: str) -> str:
    return "".join(rng.choice("23456789") if char == "#" else char for char in shape)


PERSONAL: dict[str, tuple[str, ...]] = {
    "ssn": ("SSN #########", "SSN: 123-45-####", "ssn is #########", "Social Security Number: #########",
            "my social security number is 212 45 ####"),
    "passport": ("passport #########", "Passport No. X#######", "passport number: C########", "Reisepass C########"),
    "nino": ("AB######C", "AB ## ## ## C", "QQ######A", "NINO ab######c", "National Insurance number: JG ## ## ## D"),
    "card check": ("cvv ###", "CVV: ###", "cvc is ####", "CVV2=###", "security code: ###"),
    "card": ("4111.1111.1111.1111", "5555-5555-5555-4444", "4012 8888 8888 1881"),
    "code": ("OTP: ######", "your one-time code is ######", "verification code ######", "######  is your".replace("  ", " ")
             + " verification code", "2FA code: ###-###", "one-time password: ########", "PIN: ####",
             "Use G-###### as your Google verification code"),
    "mail": ("anna%40example.org", "?email=li.wei%40mail.co.uk&x=1", "bob%2Bx%40firma.de"),
    "mac": ("00-1A-2B-3C-4D-5E", "a4-83-e7-2f-01-9b", "001a.2b3c.4d5e"),
    "iban": ("de89370400440532013000", "de89 3704 0044 0532 0130 00", "gb29nwbk60161331926819", "gb29 nwbk 6016 1331 9268 19"),
}  # fmt: skip
AROUND = ("{}", "Hello, {} thanks", "note: {}.", "- {}\n- next", "Kunde schrieb: {} danke")
INNOCENT = (
    "order 123456789", "order no. 4411223344", "invoice 20260012345", "ref AB12CD34EF56", "build 20261201.3", "epoch 1763719353", "ticket #482913",
    "sha256:9f86d081884c7d659a2feaa0c55ad0153f7c2b1a9f86d081884c7d659a2feaa0", "commit 4e5562a1f0b7c2d3e4f5a6b7c8d9e0f1a2b3c4d5", "md5 d41d8cd98f00b204e9800998ecf8427e",
    "123e4567-e89b-12d3-a456-426614174000", "01-02-2026", "2026-11-21 10:22:33", "price 1.234.567,89 EUR", "$1,299.00", "1111.2222", "v4.12.0-rc.1", "10.5.3.1-beta",
    "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg0SpIdNs6c5H0NE8XYXysP", "chatcmpl-BdR8kXyZ0aB1cD2eF3gH4iJ5kL6mN", "call_AbCdEfGhIjKlMnOp0123456789", "req_011CSHoEeqs5C35K2UUqR7Fy",
    "hf_PreTrainedModelForCausalLM", "sk-my-component-wrapper-element", "re_match_all_the_things_here", "pul-request-template-for-everyone", "ops_dashboard_weekly_report",
    "the security code of conduct", "error code 404123", "status code 500", "the pin is on pin 12 of the chip", "pinned at 4711", "GPIO pin 17", "postal code 90210", "zip 10001",
    "passport photo 35x45", "passport control opens at 0900", "verification code path", "def verify(code: int) -> bool", "signature=inspect.signature(fn)", "def sig(x): return x",
    "x = a.b.c.d", "for i in range(100)", "SELECT 1234567 AS id", "100%25 sure", "a%20b%20c", "/path/to%20file/x.png", "https://example.org/?q=caf%C3%A9&page=2", "token count: 1234",
    "aGVsbG8gd29ybGQgdGhpcyBpcyBhIG5pY2Ugc2VudGVuY2U=", "SGVsbG8sIHRoaXMgaXMgdGV4dCBvbmx5", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", "C:\\new\\table\\readme.txt", "re.sub(r\"\\d+\", \"\")",
    "AKIA is a prefix", "use re_ as prefix", "de facto 2026", "it12 and gb29 are short", "01-23-45", "10-20-30-40-50", "a1b2.c3d4", "1234.5678.9012", "one-time fee 120", "one-time payment of 1500",
    "account manager 4 of 7", "tan 45 degrees", "tax id is required", "OTP is enabled", "cvv check failed", "Chapter AB 12", "size AB 10 20 30", "ISBN 9783161484100", "EAN 4006381333931",
    "api_key = get_key()", "password: required", "{\"name\": \"token\", \"value\": \"\"}", "{\"name\": \"color\", \"value\": \"red1234567\"}", "ssn column is nullable", "ssn_hash int",
    "temperature=0.7", "max_tokens=4096", "width: 1920px", "lat 52.520008, lon 13.404954", "RFC 7231", "ISO 8601", "ACME-2026-000123", "room 4711", "Q4 2026: 12,345,678 units",
)  # fmt: skip


def _longest(value: str) -> str:
    return max("".join(c if c.isalnum() else " " for c in value).split(), key=len)


@pytest.mark.parametrize("family", KEYS)
def test_a_key_of_each_family_is_gone(family: str) -> None:
    """In prose, lists and behind a colon; none of its longest run is left."""
    rng, redactor = random.Random(family), Redactor(budget_ms=AMPLE_MS)
    planted = [KEYS[family](rng) for _ in range(20)]
    leaked = [
        text
        for secret in planted
        for around in AROUND
        if _longest(secret) in (text := redactor.text(around.format(secret))[0] or "")
    ]

    assert leaked == []


@pytest.mark.parametrize("family", PERSONAL)
def test_personal_data_of_each_family_is_gone(family: str) -> None:
    """What only its name tells apart from an order number, and what was written in another way than usual."""
    rng, redactor = random.Random(family), Redactor(budget_ms=AMPLE_MS)
    kept = [
        text
        for shape in PERSONAL[family]
        for around in AROUND
        for text in (around.format(_digits(rng, shape)),)
        if redactor.text(text)[1] == 0
    ]

    assert kept == []


def test_their_neighbours_stay() -> None:
    """Order numbers, hashes, ids, dates, prices, code and words of the same look: fewer than 1 in 100 is touched."""
    redactor = Redactor(budget_ms=AMPLE_MS)
    texts = [around.format(text) for text in INNOCENT for around in AROUND]
    touched = [(text, redactor.text(text)[0]) for text in texts if redactor.text(text) != (text, 0)]

    assert len(touched) < 0.01 * len(texts), touched


def test_a_quoted_private_key_is_gone() -> None:
    """As a quotation of a mail, a list of string literals and a commented block."""
    body = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA"] * 6
    lines = ["-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----"]
    variants = (
        "> " + "\n> ".join(lines),
        "\n".join(f'"{line}\\n" +' for line in lines),
        "\n".join(f"# {line}" for line in lines),
    )

    assert [found for text in variants if "MIIE" in (found := Redactor(budget_ms=AMPLE_MS).text(text)[0] or "")] == []


def test_a_mixed_text_costs_little() -> None:
    """4 KB of prose, code and numbers with a few findings; the bound is wide, for a busy machine."""
    redactor = Redactor(budget_ms=AMPLE_MS)
    rng = random.Random(4)
    parts = [*INNOCENT, "write to anna@example.org", "call +44 7700 900123", "Bearer " + _run(rng, MIXED, 40)]
    texts: list[str] = []
    for _ in range(60):
        words: list[str] = []
        while sum(map(len, words)) < 4000:
            words += [rng.choice(parts), "and the customer asked us to look at it again before Friday, please."]
        texts.append("\n".join(words)[:4096])
    best = min(_micros(redactor, texts[at : at + 10]) for at in range(0, 60, 10))

    assert best < 1500


def _micros(redactor: Redactor, texts: list[str]) -> float:
    before = time.thread_time()
    for text in texts:
        redactor.text(text)
    return (time.thread_time() - before) / len(texts) * 1e6
