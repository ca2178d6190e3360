"""Does a JSON value fit a JSON schema: True, False, or None when this checker cannot tell.

Written here because it runs in the customer's process on every call: nothing to import, no reference fetched from
the network, no code generated from a schema, time bounded by steps and depth. Must never raise and never guess: a
keyword it does not know makes the answer None unless another keyword already says False.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast
from urllib.parse import unquote

_MAX_STEPS = 20_000
_MAX_DEPTH = 64
# A pattern from a schema may cost at most about this many regular-expression steps.
_MAX_PATTERN_STEPS = 1_000_000

_ANNOTATIONS = frozenset(
    [
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "format",
        "$comment",
        "$schema",
        "$defs",
        "definitions",
        "contentEncoding",
        "contentMediaType",
        "$anchor",
    ]
)
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{\d*,?\d*\})")
_REPEAT = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\d*\})")
_UNICODE_CLASS = re.compile(r"\\[dDwWsSbB]|\(\?i|\.")
_OLD_DRAFT = re.compile(r"draft-0[3-7]")

Schema = Mapping[str, object]


class _Unknown(Exception):
    """The checker cannot tell."""


def fits_schema(value: object, schema: object) -> bool | None:
    """True when the value satisfies the schema, False when it does not, None when that cannot be told."""
    try:
        return _Check(schema).fits(value, schema, 0)
    except Exception:
        return None


class _Check:
    """One check of one value; counts its steps."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._steps = 0
        uri = cast("Schema", root).get("$schema") if isinstance(root, Mapping) else None
        self._is_old = isinstance(uri, str) and bool(_OLD_DRAFT.search(uri))

    def fits(self, value: object, schema: object, depth: int) -> bool | None:
        self._steps += 1
        if self._steps > _MAX_STEPS or depth > _MAX_DEPTH:
            raise _Unknown
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            return None
        rules = cast("dict[str, object]", schema)
        if ("$id" in rules and depth) or (self._is_old and "$ref" in rules and len(rules) > 1):
            return None
        answer: bool | None = True
        for keyword, argument in rules.items():
            rule = _RULES.get(keyword)
            if rule is None:
                verdict = True if keyword in _ANNOTATIONS or keyword == "$id" else None
            else:
                verdict = _asked(rule, self, value, argument, rules, depth)
            if verdict is False:
                return False
            if verdict is None:
                answer = None
        return answer

    def all_fit(self, pairs: Iterable[tuple[object, object]], depth: int) -> bool | None:
        """False when any pair of value and schema fails, else None when any cannot be told."""
        answer: bool | None = True
        for value, schema in pairs:
            verdict = self.fits(value, schema, depth + 1)
            if verdict is False:
                return False
            if verdict is None:
                answer = None
        return answer

    def step(self, count: int) -> None:
        """Raises when the whole check has become too long."""
        self._steps += count
        if self._steps > _MAX_STEPS:
            raise _Unknown

    def resolve(self, reference: object) -> object:
        """The schema a local reference points at; anything but a local pointer is unknown."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise _Unknown
        target = self._root
        for raw in reference.split("/")[1:]:
            part = unquote(raw).replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping):
                target = cast("Schema", target)[part]
            elif isinstance(target, list):
                target = cast("list[object]", target)[int(part)]
            else:
                raise _Unknown
            if isinstance(target, Mapping) and "$id" in target:
                raise _Unknown
        return target


Rule = Callable[[_Check, object, object, Schema, int], bool | None]


def _asked(rule: Rule, check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    # A malformed argument of one keyword leaves the others able to say False.
    try:
        return rule(check, value, argument, rules, depth)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or cast(float, value).is_integer()),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _type(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    names = [argument] if isinstance(argument, str) else cast("list[str]", argument)
    return any([_TYPES[name](value) for name in names])


def _properties(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not isinstance(value, dict):
        return True
    members = cast("dict[str, object]", value)
    schemas = cast("dict[str, object]", argument)
    return check.all_fit([(members[name], schemas[name]) for name in schemas if name in members], depth)


def _additional(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not isinstance(value, dict) or argument is True:
        return True
    if "patternProperties" in rules:
        return None
    known = cast("dict[str, object]", rules.get("properties", {}))
    rest = [(member, argument) for name, member in cast("dict[str, object]", value).items() if name not in known]
    return check.all_fit(rest, depth)


def _required(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not isinstance(argument, list):
        return None
    return not isinstance(value, dict) or all(name in value for name in cast("list[str]", argument))


def _enum(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    options = cast("list[object]", argument)
    check.step(len(options) // 8)
    return any(_is_same(value, option, check) for option in options)


def _const(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    return _is_same(value, argument, check)


def _is_same(one: object, other: object, check: _Check) -> bool:
    """JSON equality: 1 and 1.0 are equal, true and 1 are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        first, second = cast("list[object]", one), cast("list[object]", other)
        check.step(len(first))
        return len(first) == len(second) and all(_is_same(a, b, check) for a, b in zip(first, second, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("dict[str, object]", one), cast("dict[str, object]", other)
        check.step(len(left))
        return left.keys() == right.keys() and all(_is_same(left[key], right[key], check) for key in left)
    return one == other


def _items(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if isinstance(argument, list):
        return None
    if not isinstance(value, list):
        return True
    skipped = len(cast("list[object]", rules.get("prefixItems", [])))
    return check.all_fit([(item, argument) for item in cast("list[object]", value)[skipped:]], depth)


def _prefix_items(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not isinstance(value, list):
        return True
    return check.all_fit(zip(cast("list[object]", value), cast("list[object]", argument), strict=False), depth)


def _unique_items(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not isinstance(value, list) or argument is not True:
        return True if isinstance(argument, bool) else None
    items = cast("list[object]", value)
    if all(isinstance(item, str) for item in items):
        return len(set(cast("list[str]", items))) == len(items)
    check.step(len(items) ** 2 // 2)
    return not any(_is_same(items[i], items[j], check) for i in range(len(items)) for j in range(i))


def _verdicts(check: _Check, value: object, argument: object, depth: int) -> list[bool | None]:
    return [check.fits(value, schema, depth + 1) for schema in cast("list[object]", argument)]


def _all_of(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    return check.all_fit([(value, schema) for schema in cast("list[object]", argument)], depth)


def _any_of(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    verdicts = _verdicts(check, value, argument, depth)
    return True if True in verdicts else (None if None in verdicts else False)


def _one_of(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    verdicts = _verdicts(check, value, argument, depth)
    count = verdicts.count(True)
    if count > 1:
        return False
    return None if None in verdicts else count == 1


def _not(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    verdict = check.fits(value, argument, depth + 1)
    return None if verdict is None else not verdict


def _if(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    condition = check.fits(value, argument, depth + 1)
    branch = {True: rules.get("then", True), False: rules.get("else", True)}
    if condition is None:
        both = [check.fits(value, schema, depth + 1) for schema in branch.values()]
        return both[0] if both[0] == both[1] else None
    return check.fits(value, branch[condition], depth + 1)


def _always(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    return True


def _ref(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    return check.fits(value, check.resolve(argument), depth + 1)


def _pattern(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not isinstance(value, str):
        return True
    source = cast(str, argument)
    if not _is_cheap(source, len(value)) or value.endswith("\n"):
        return None
    if not value.isascii() and _UNICODE_CLASS.search(source):
        return None  # ECMAScript and Python disagree on what these classes hold beyond ASCII
    try:
        return re.search(source, value) is not None
    except re.error:
        return None


def _is_cheap(source: str, length: int) -> bool:
    """True when even the worst backtracking of the pattern over `length` characters stays bounded."""
    if len(source) > 1000 or _REPEATED_GROUP.search(source) or "(?P" in source or re.search(r"\\[1-9]", source):
        return False
    repeats = len(_REPEAT.findall(source)) + (not source.startswith("^"))
    return float(max(length, 2)) ** max(1, repeats) <= _MAX_PATTERN_STEPS


def _bound(kind: str, holds: Callable[[float, float], bool]) -> Rule:
    def rule(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
        if not _is_number(argument):
            return None
        limit = cast(float, argument)
        if kind == "number":
            return holds(cast(float, value), limit) if _is_number(value) else True
        expected = {"string": str, "array": list, "object": dict}[kind]
        return holds(len(cast("Sequence[object]", value)), limit) if isinstance(value, expected) else True

    return rule


def _multiple_of(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not _is_number(value):
        return True
    if not isinstance(value, int) or not isinstance(argument, int) or argument <= 0:
        return None  # binary fractions: 0.3 is a multiple of 0.1 on paper only
    return value % argument == 0


def _dependent_required(check: _Check, value: object, argument: object, rules: Schema, depth: int) -> bool | None:
    if not isinstance(value, dict):
        return True
    wanted = cast("dict[str, list[str]]", argument)
    return all(other in value for name, others in wanted.items() if name in value for other in others)


def _at_least(found: float, limit: float) -> bool:
    return found >= limit


def _at_most(found: float, limit: float) -> bool:
    return found <= limit


_RULES: dict[str, Rule] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "enum": _enum,
    "const": _const,
    "items": _items,
    "prefixItems": _prefix_items,
    "uniqueItems": _unique_items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "then": _always,
    "else": _always,
    "$ref": _ref,
    "pattern": _pattern,
    "minimum": _bound("number", _at_least),
    "maximum": _bound("number", _at_most),
    "exclusiveMinimum": _bound("number", lambda found, limit: found > limit),
    "exclusiveMaximum": _bound("number", lambda found, limit: found < limit),
    "minLength": _bound("string", _at_least),
    "maxLength": _bound("string", _at_most),
    "minItems": _bound("array", _at_least),
    "maxItems": _bound("array", _at_most),
    "minProperties": _bound("object", _at_least),
    "maxProperties": _bound("object", _at_most),
    "multipleOf": _multiple_of,
    "dependentRequired": _dependent_required,
}
