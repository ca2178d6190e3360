# ruff: noqa: E501, RUF001  (tables of words and patterns in many scripts, a row a line)
"""Structural facts of answers: what they claim, what they leave open, and that nothing makes them raise."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwatch.capture.facts import Expectation, input_language, output_facts, task_text_mask
from llmwatch.capture.json_schema import fits_schema

PLAIN = Expectation()
INVOICE: dict[str, Any] = {
    "type": "object",
    "properties": {"total": {"type": "number"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    "required": ["total", "lines"],
    "additionalProperties": False,
    "$defs": {"line": {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}, "required": ["n"]}},
}

SENTENCES = {
    "en": (
        "The train leaves the station at seven and arrives before noon.",
        "Could you please send me the documents that we discussed yesterday?",
        "She has lived in this city for more than twenty years.",
        "There are several ways to solve this problem, but none of them is easy.",
        "Thank you for your message; our team will reply as soon as possible.",
    ),
    "de": (
        "Der Zug fährt um sieben ab und kommt vor Mittag an.",
        "Könnten Sie mir bitte die Unterlagen schicken, über die wir gesprochen haben?",
        "Sie lebt seit mehr als zwanzig Jahren in dieser Stadt.",
        "Es gibt mehrere Wege, dieses Problem zu lösen, aber keiner ist einfach.",
        "Vielen Dank für Ihre Nachricht, wir melden uns so bald wie möglich.",
    ),
    "fr": (
        "Le train part de la gare à sept heures et arrive avant midi.",
        "Pourriez-vous m'envoyer les documents dont nous avons parlé hier ?",
        "Elle habite dans cette ville depuis plus de vingt ans.",
        "Il y a plusieurs façons de résoudre ce problème, mais aucune n'est facile.",
        "Merci pour votre message, notre équipe vous répondra dès que possible.",
    ),
    "es": (
        "El tren sale de la estación a las siete y llega antes del mediodía.",
        "¿Podría enviarme los documentos de los que hablamos ayer?",
        "Ella vive en esta ciudad desde hace más de veinte años.",
        "Hay varias maneras de resolver este problema, pero ninguna es fácil.",
        "Gracias por su mensaje, nuestro equipo le responderá lo antes posible.",
    ),
    "pt": (
        "O trem sai da estação às sete e chega antes do meio-dia.",
        "Você poderia me enviar os documentos sobre os quais falamos ontem?",
        "Ela mora nesta cidade há mais de vinte anos.",
        "Há várias maneiras de resolver este problema, mas nenhuma é fácil.",
        "Obrigado pela sua mensagem, a nossa equipa responderá em breve.",
    ),
    "it": (
        "Il treno parte dalla stazione alle sette e arriva prima di mezzogiorno.",
        "Potrebbe inviarmi i documenti di cui abbiamo parlato ieri?",
        "Lei vive in questa città da più di vent'anni.",
        "Ci sono diversi modi per risolvere questo problema, ma nessuno è facile.",
        "Grazie per il suo messaggio, la nostra squadra risponderà al più presto.",
    ),
    "ru": (
        "Поезд отправляется в семь часов.",
        "Не могли бы вы прислать мне документы?",
        "Она живёт в этом городе давно.",
    ),
    "zh": ("火车七点离开车站，中午之前到达。", "请把我们昨天讨论的文件发给我。", "她在这个城市住了二十多年。"),
    "ja": (
        "電車は七時に駅を出発します。",
        "昨日話した書類を送っていただけますか。",
        "彼女はこの町に二十年以上住んでいます。",
    ),
    "ko": (
        "기차는 일곱 시에 역을 출발합니다.",
        "어제 이야기한 서류를 보내 주시겠어요?",
        "그녀는 이 도시에서 오래 살았습니다.",
    ),
    "ar": (
        "يغادر القطار المحطة في الساعة السابعة.",
        "هل يمكنك إرسال الوثائق من فضلك؟",
        "تعيش في هذه المدينة منذ عشرين عاما.",
    ),
    "hi": ("ट्रेन सात बजे स्टेशन से निकलती है।", "क्या आप मुझे दस्तावेज़ भेज सकते हैं?", "वह इस शहर में बीस साल से रहती है।"),
}


def test_clear_sentences_of_twelve_languages_are_recognised() -> None:
    """At least 95 % of plain sentences get their language."""
    pairs = [(language, text) for language, texts in SENTENCES.items() for text in texts]

    wrong = [(language, input_language(text), text) for language, text in pairs if input_language(text) != language]

    assert len(wrong) <= 0.05 * len(pairs), wrong


@pytest.mark.parametrize(
    "text", ["", "42", "OK", '{"a": [1, 2, 3], "b": null}', "def f(x):\n    return x + 1", "\ud800", "-" * 900]
)
def test_text_without_prose_has_no_language(text: str) -> None:
    """Numbers, code and JSON are not given a language."""
    assert input_language(text) is None


REFUSALS = (
    "I'm sorry, but I can't assist with that request.",
    "I\u2019m sorry, I can\u2019t help with that.",
    "I cannot provide instructions for that.",
    "As an AI language model, I am not able to give legal advice.",
    "Unfortunately, I'm unable to share personal data.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Je suis désolé, mais je ne peux pas vous aider.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Desculpe, mas não posso ajudar com isso.",
    "Mi dispiace, ma non posso aiutarti.",
    "К сожалению, я не могу помочь с этим.",
    "抱歉，我无法提供这方面的帮助。",
    "申し訳ありませんが、その質問にはお答えできません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
)
ANSWERS = (
    "I'm sorry to hear that your order is late. Here is what you can do.",
    "Sorry for the delay! The answer is 42.",
    "I can't wait to see the result.",
    "The customer wrote: I cannot open the file.",
    "Unfortunately, the flight was cancelled because of fog.",
    "Es tut mir leid, dass Sie warten mussten. Hier ist die Antwort.",
    "Lo siento mucho. La respuesta es 42.",
)


@pytest.mark.parametrize("text", REFUSALS)
def test_an_answer_that_opens_with_an_inability_to_help_is_a_refusal(text: str) -> None:
    """Refusals are recognised in ten languages."""
    assert output_facts([text], [], PLAIN).refusal_phrase is True


@pytest.mark.parametrize("text", ANSWERS)
def test_an_apology_followed_by_help_is_no_refusal(text: str) -> None:
    """Regret alone, or an inability quoted later, is not a refusal."""
    assert output_facts([text], [], PLAIN).refusal_phrase is False


def test_json_facts_are_unknown_when_no_json_was_asked_for() -> None:
    """None, not False, without an expectation."""
    facts = output_facts(["not json"], [], PLAIN)

    assert (facts.output_json_valid, facts.output_schema_valid, facts.tool_arguments_valid) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "json_valid", "schema_valid"),
    [
        ('{"total": 1, "lines": [{"n": null}]}', True, True),
        ('{"total": "1", "lines": []}', True, False),
        ('{"total": 1, "lines": [{"n": 1.5}]}', True, False),
        ('{"total": 1, "lines": [], "x": 0}', True, False),
        ('```json\n{"total": 1, "lines": []}\n```', False, False),
        ('{"total": 1, "lines": [', False, False),
        ('{"total": NaN, "lines": []}', False, False),
        ("", False, False),
        ("[" * 100_000, None, None),
    ],
)
def test_an_answer_is_held_against_its_response_format(
    text: str, json_valid: bool | None, schema_valid: bool | None
) -> None:
    """Validity of JSON and schema are told apart, and too deep an answer is unknown."""
    facts = output_facts([text], [], Expectation(json_object=True, schema=INVOICE))

    assert (facts.output_json_valid, facts.output_schema_valid) == (json_valid, schema_valid)


def test_a_fence_is_seen_behind_white_space() -> None:
    """Fenced means the first thing shown is a code fence."""
    assert [output_facts([text], [], PLAIN).output_fenced for text in ("\n```py\nx\n```", "```", "a ```b```")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"total": 1, "lines": []}', True),
        ("{}", False),
        ("[]", False),
        ("{", False),
        ("", False),
        ('{"total": 1', False),
    ],
)
def test_tool_arguments_are_held_against_the_tools_schema(arguments: str, expected: bool) -> None:
    """Broken JSON and a broken schema both make the arguments invalid."""
    expects = Expectation(tool_schemas={"save": INVOICE})

    assert output_facts([], [("save", arguments)], expects).tool_arguments_valid is expected


def test_an_answer_of_tool_calls_only_is_not_empty() -> None:
    """Empty means neither text nor tool call."""
    assert output_facts([], [("f", "{}")], PLAIN).output_empty is False
    assert output_facts([" \n"], [], PLAIN).output_empty is True


def test_the_hash_ignores_case_and_surrounding_space_only() -> None:
    """Repeated answers are found, different ones are told apart."""
    one, same, other = (
        output_facts([text], [], PLAIN).output_hash for text in ("Yes, it is.", " yes, IT is.\n", "Yes, it was.")
    )

    assert one == same != other
    assert len(one or "") == 16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You are a helpful\n\n  assistant.", "You are a helpful assistant."),
        ("Order 12345 of 2026-11-21, mail a@b.co, see https://x.y/z?q=1 now", "Order # of # mail # see # now"),
        ("x" * 500, "x" * 80),
        ("", ""),
    ],
)
def test_prompts_of_one_template_share_a_mask(text: str, expected: str) -> None:
    """Whatever varies between calls is masked, white space is folded."""
    assert task_text_mask(text) == expected


@given(
    st.lists(st.text()),
    st.lists(st.tuples(st.text(), st.text())),
    st.recursive(st.none() | st.booleans() | st.text(), st.lists),
)
def test_no_text_and_no_schema_makes_the_facts_raise(
    texts: list[str], calls: list[tuple[str, str]], schema: Any
) -> None:
    """Any input gives facts."""
    facts = output_facts(texts, calls, Expectation(json_object=True, schema=schema, tool_schemas={"": schema}))

    assert facts.output_chars == sum(map(len, texts))


def test_objects_that_are_no_texts_give_facts_too() -> None:
    """A broken caller gets the facts of nothing."""
    assert output_facts([1, None], None, None).output_hash is None  # type: ignore[list-item,arg-type]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([0.0, 1.0, 1.5])
    | st.sampled_from(["", "a", "ab", "7", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["string", "object", "array", "number", "integer", "boolean", "null"])
SMALL = st.integers(0, 3)


def _keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "properties": members,
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "additionalProperties": inner,
        "enum": st.lists(JSON, min_size=1, max_size=3),
        "const": JSON,
        "items": inner,
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "uniqueItems": st.booleans(),
        "anyOf": st.lists(inner, min_size=1, max_size=3),
        "oneOf": st.lists(inner, min_size=1, max_size=3),
        "allOf": st.lists(inner, min_size=1, max_size=3),
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
        "pattern": st.sampled_from(["^a", "b$", "^[0-9]+$", "a|b"]),
        "minimum": st.integers(-3, 3),
        "maximum": st.integers(-3, 3),
        "exclusiveMinimum": st.integers(-3, 3),
        "exclusiveMaximum": st.integers(-3, 3),
        "multipleOf": st.integers(1, 3),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), SMALL),
        "dependentRequired": st.dictionaries(
            st.sampled_from("abc"), st.lists(st.sampled_from("abc"), unique=True), max_size=2
        ),
        "description": st.just("text"),
        "format": st.just("date"),
    }
    return st.booleans() | st.lists(st.sampled_from(sorted(keywords)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: keywords[name] for name in names})
    )


# Definitions refer to nothing, so no reference is circular; jsonschema would recurse for ever on one.
DEFINITION = st.booleans() | st.fixed_dictionaries({"type": TYPES})
SCHEMA = st.recursive(st.booleans() | st.fixed_dictionaries({"type": TYPES}), _keywords, max_leaves=6)


@settings(max_examples=600, deadline=None)
@given(JSON, SCHEMA, DEFINITION, DEFINITION)
def test_a_told_verdict_equals_that_of_the_jsonschema_package(value: Any, schema: Any, one: Any, two: Any) -> None:
    """True and False agree with an independent validator; None is allowed only for fractions of multipleOf and patterns."""
    root = {"allOf": [schema], "$defs": {"one": one, "two": two}}

    verdict = fits_schema(value, root)

    expected = jsonschema.Draft202012Validator(root).is_valid(value)
    may_be_unknown = "multipleOf" in json.dumps(root) or "pattern" in json.dumps(root)
    assert verdict is expected or (verdict is None and may_be_unknown)


@pytest.mark.parametrize(
    "schema",
    [
        {"unevaluatedProperties": False},
        {"contains": {"type": "string"}},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"type": "text"},
        {"required": "a"},
        {"nullable": True},
        "string",
        None,
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    ],
)
def test_a_schema_beyond_the_checker_is_unknown(schema: Any) -> None:
    """No guess, no network, no endless reference."""
    assert fits_schema({"a": 1}, schema) is None


def test_an_unknown_keyword_does_not_hide_a_certain_failure() -> None:
    """False stays False beside a keyword that cannot be judged."""
    assert fits_schema(1, {"unevaluatedItems": False, "type": "string"}) is False


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|a)*b", "a*a*a*a*a*a*b", r"(a*)\1*b"])
def test_a_pattern_that_could_run_away_is_not_run(pattern: str) -> None:
    """Backtracking patterns are unknown on long text instead of slow."""
    assert fits_schema("a" * 5000, {"pattern": pattern}) is None
