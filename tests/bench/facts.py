"""Prints what facts, schema checks, redaction and preparation cost per call, in microseconds."""

import json
import sys
import timeit
from collections.abc import Callable

from llmwatch.capture.content import prepare, replace_media
from llmwatch.capture.facts import Expectation, input_language, output_facts, task_text_mask
from llmwatch.capture.redact import Redactor

_PROSE = (
    "Sure, here is what I suggest for the next quarter: first we finish the migration, then we look at the "
    "numbers again and decide. It took 45 ms in 2025 (v2.1.0), about 12.5 % less. "
)
_PERSONAL = (
    "Please contact Maria at maria.lopez@example.org or +49 30 1234567. The request req_0123456789abcdef failed at "
    '2026-11-21T10:22:33Z on 10.1.2.3:8080 with {"api_key": "sk-proj-AbCdEf0123456789AbCdEf", "price": 12.50}. '
    "The IBAN is DE89 3704 0044 0532 0130 00.\n"
)
_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {f"field_{i}": {"type": "string", "maxLength": 200} for i in range(6)}
    | {"count": {"type": "integer"}, "kind": {"enum": ["a", "b"]}, "price": {"type": ["number", "null"]}}
    | {"items": {"type": "array", "items": {"type": "string"}}},
    "required": ["field_0", "count"],
    "additionalProperties": False,
}


def _print(name: str, run: Callable[[], object], count: int = 300) -> None:
    best = min(timeit.repeat(run, number=count, repeat=7)) / count * 1e6
    sys.stdout.write(f"{name:44s} {best:10.1f} us\n")


def main() -> None:
    """Runs every measurement once, best of seven."""
    value = {f"field_{i}": "x" * 130 for i in range(6)} | {
        "count": 3,
        "kind": "a",
        "price": 1.5,
        "items": ["a", "b", "c"],
    }
    answer = json.dumps(value)
    plain = Expectation()
    wants_json = Expectation(json_object=True, schema=_SCHEMA)
    one_kb, forty_kb = (_PROSE * 6)[:1024], (_PROSE * 250)[:40_960]
    mixed = ((_PERSONAL + _PROSE * 10) * 4)[:4096]
    redactor = Redactor(budget_ms=1000)
    image = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 43_000

    _print("facts, 1 KB prose", lambda: output_facts([one_kb], [], plain))
    _print("facts, 40 KB prose", lambda: output_facts([forty_kb], [], plain))
    _print(f"facts and schema, {len(answer)} B JSON, 10 properties", lambda: output_facts([answer], [], wants_json))
    _print("language, 1 KB prose", lambda: input_language(one_kb))
    _print("task text mask", lambda: task_text_mask(_PERSONAL), 3000)
    _print("redaction, 4 KB mixed, first time", lambda: Redactor(budget_ms=1000).text(mixed))
    _print("redaction, 4 KB clean, first time", lambda: Redactor(budget_ms=1000).text((_PROSE * 30)[:4096]))
    _print("redaction, 4 KB mixed, again", lambda: redactor.text(mixed))
    _print("media replaced, 1 MB data URI", lambda: replace_media({"url": image}), 5)
    _print(
        "content prepared, 20 messages of 1 KB, again",
        lambda: prepare([{"content": one_kb + str(i)} for i in range(20)], redactor),
        30,
    )


if __name__ == "__main__":
    main()
