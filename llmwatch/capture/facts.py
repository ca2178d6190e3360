# ruff: noqa: E501  (tables of words and patterns in many scripts, a row a line)
"""Structural facts of an answer and its input, computed from the full text for every call, storing none of it.

Runs in the customer's call path: microseconds, standard library only. Must never raise; what cannot be told is None.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, cast

from .json_schema import fits_schema
from .language import language_of

_MAX_JSON_CHARS = 1024 * 1024
_REFUSAL_CHARS = 240
_MASK_INPUT_CHARS = 120
_MASK_CHARS = 80

# Sorry alone is no refusal ("I'm sorry to hear that"); an inability to help at the very start is.
_REFUSAL = re.compile(
    r"\W{0,3}+(?:(?:hi|hello|thank you|thanks)[^.!,]{0,40}[.!,] )?"
    r"(?:"
    r"(?:(?:i'm|i am|we're|we are)(?: very| really| so| truly)? sorry|sorry|i apologi[sz]e|my apologies|apologies|unfortunately|"
    r"i understand[^.]{0,60}|i appreciate[^.]{0,60})?[,.:;]? ?(?:but |for (?:any|the) [a-z ]{1,24}, but |however,? )?"
    r"(?:as an ai(?: language)?(?: model| assistant)?,? ?)?"
    r"(?:(?:i'm|i am|we're|we are) (?:unable|not able|not allowed|not permitted|not comfortable)\b|(?:i|we) (?:(?:can't|cannot|can not|won't|will not|must (?:decline|refuse)|(?:have|need) to decline|decline|refuse|"
    r"do not feel comfortable|don't feel comfortable)"
    r"(?! (?:wait|lie|pretend|forget|say|bore|stress|recommend|thank|say for sure|find|see|see any|overstate|help but))\b"
    r"|do not (?:provide|assist|engage)|don't (?:provide|assist|engage)))"
    r"|(?:i'm|i am)(?: very| really| so)? sorry,? but (?:i|that|this|we)\b"
    r"|(?:es tut mir leid|tut mir leid|entschuldigung|leider)[^.]{0,40}(?:kann ich|ich kann|darf ich|ich darf)[^.!?]{0,120}(?:nicht|kein)"
    r"|ich kann (?:ihnen |dir )?(?:dabei |damit |hierbei )?(?:leider )?nicht (?:helfen|weiterhelfen|unterstützen)"
    r"|(?:je suis désolée?|désolée?|je regrette)[^.]{0,40}je ne (?:peux|suis) pas"
    r"|je ne (?:peux|suis) pas (?:vous |t')?(?:aider|fournir|répondre|en mesure|autorisée?)"
    r"|(?:lo siento|lamentablemente|disculpa|perd[oó]n)[^.]{0,40}no puedo|no puedo (?:ayudar|proporcionar|responder|asistir|cumplir)"
    r"|(?:desculpe|sinto muito|lamento|infelizmente)[^.]{0,40}não posso|não posso (?:ajudar|fornecer|responder|atender)"
    r"|(?:mi dispiace|spiacente|purtroppo|mi scuso)[^.]{0,40}non posso|non posso (?:aiutar|fornire|rispondere|assister)"
    r"|(?:извините|к сожалению|простите|прошу прощения)[^.]{0,40}(?:не могу|не в состоянии)|я не могу (?:помочь|предоставить|ответить|выполнить)"
    r"|(?:抱歉|很抱歉|非常抱歉|对不起|對不起)[^。]{0,24}(?:无法|不能|無法)|我(?:无法|不能|無法)(?:提供|帮助|协助|回答|满足)"
    r"|(?:申し訳|すみません|恐れ入りますが)[^。]{0,60}(?:できません|できかねます|お答えできません|致しかねます|いたしかねます)"
    r"|(?:죄송|미안)[^.]{0,60}(?:수 없|어렵습니다|드릴 수 없)"
    r"|(?:عذر|آسف|أعتذر|للأسف)[^.]{0,40}(?:لا أستطيع|لا يمكنني|لا استطيع)|لا (?:أستطيع|يمكنني) (?:مساعدت|تقديم|الإجابة)"
    r"|(?:क्षमा करें|माफ़ करें|माफ करें|मुझे खेद है|खेद है)[^।]{0,80}(?:नहीं कर सकत|असमर्थ|नहीं दे सकत)"
    r")"
)

_VARIABLE = re.compile(r"[\d@]|://")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the request asked the answer to be."""

    json_object: bool = False
    schema: Mapping[str, object] | None = None
    tool_schemas: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])


class OutputFacts(NamedTuple):
    """Facts of one answer; None is "not expected" or "cannot be told", never a guess."""

    output_chars: int
    output_empty: bool
    output_fenced: bool
    output_json_valid: bool | None
    output_schema_valid: bool | None
    tool_arguments_valid: bool | None
    refusal_phrase: bool
    output_language: str | None
    # Equal for texts that differ in letter case and surrounding white space only; None without text.
    output_hash: str | None


class _Invalid(Exception):
    """The text is no JSON."""


def output_facts(texts: Sequence[str], tool_calls: Sequence[tuple[str, str]], expects: Expectation) -> OutputFacts:
    """Facts of an answer of one or more choices; valid means every choice is, a refusal that any is."""
    try:
        return _facts([text for text in texts if text], tool_calls, expects)
    except Exception:
        return OutputFacts(0, False, False, None, None, None, False, None, None)


def input_language(text: str) -> str | None:
    """ISO 639-1 code of the language a prompt is written in; None when unsure."""
    try:
        return language_of(text)
    except Exception:
        return None


def task_text_mask(text: str) -> str:
    """The first 80 characters of a prompt with every word that holds a digit, an address or a URL as `#`.

    Two prompts made from one template get one mask as long as their variable parts come later or hold digits.
    """
    try:
        words = text[:_MASK_INPUT_CHARS].split()
        folded = " ".join(words)
        if _VARIABLE.search(folded):
            folded = " ".join([word if word.isalpha() or not _VARIABLE.search(word) else "#" for word in words])
        return folded[:_MASK_CHARS]
    except Exception:
        return ""


def _facts(texts: list[str], tool_calls: Sequence[tuple[str, str]], expects: Expectation) -> OutputFacts:
    text = texts[0] if len(texts) == 1 else "\n".join(texts)
    json_valid = schema_valid = None
    if (expects.json_object or expects.schema is not None) and (texts or not tool_calls):
        json_valid, schema_valid = _judge_json(texts, expects.schema)
    return OutputFacts(
        output_chars=sum(map(len, texts)),
        output_empty=not tool_calls and not text.strip(),
        output_fenced=text.lstrip()[:3] == "```" if text[:1].isspace() else text.startswith("```"),
        output_json_valid=json_valid,
        output_schema_valid=schema_valid,
        tool_arguments_valid=_judge_tool_calls(tool_calls, expects.tool_schemas) if tool_calls else None,
        refusal_phrase=any(map(_is_refusal, texts)),
        output_language=language_of(text) if text else None,
        output_hash=_hash(text) if text else None,
    )


def _hash(text: str) -> str:
    normalised = text.strip().lower().encode("utf-8", "surrogatepass")
    return hashlib.blake2b(normalised, digest_size=8, usedforsecurity=False).hexdigest()


def _is_refusal(text: str) -> bool:
    start = text[:_REFUSAL_CHARS].lower().replace("\u2019", "'")
    return _REFUSAL.match(start) is not None


def _refuse_constant(name: str) -> NoReturn:
    raise _Invalid(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _parse(text: str) -> object:
    """The JSON value; raises _Invalid when the text is none, anything else when that cannot be told."""
    if len(text) > _MAX_JSON_CHARS:
        raise OverflowError
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _Invalid from error


def _judge_json(texts: list[str], schema: Mapping[str, object] | None) -> tuple[bool | None, bool | None]:
    if not texts:
        return False, None if schema is None else False
    verdicts: list[bool | None] = []
    try:
        for text in texts:
            value = _parse(text)
            verdicts.append(None if schema is None else fits_schema(value, schema))
    except _Invalid:
        return False, None if schema is None else False
    except Exception:
        # Nested deeper, longer or with larger numbers than this parser takes.
        return None, None
    return True, _all(verdicts)


def _judge_tool_calls(
    tool_calls: Sequence[tuple[str, str]], schemas: Mapping[str, Mapping[str, object]]
) -> bool | None:
    """Without a schema of that name an object is all that can be asked of the arguments."""
    verdicts: list[bool | None] = []
    for name, arguments in tool_calls:
        try:
            value = _parse(arguments) if arguments else {}
            schema = schemas.get(name)
            is_object = isinstance(value, dict)
            verdicts.append(fits_schema(cast(object, value), schema) if is_object and schema is not None else is_object)
        except _Invalid:
            return False
        except Exception:
            verdicts.append(None)
    return _all(verdicts)


def _all(verdicts: list[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return None if None in verdicts else True
