"""The noun: every field has one attribute and one column, and a record survives any content."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from llmwatch.call import (
    CALL_FIELDS,
    CONTENT_FIELDS,
    RESOURCE_FIELDS,
    attributes_from_record,
    call_columns,
    encode_record,
    record_from_span,
)

FIELDS = (*CALL_FIELDS, *CONTENT_FIELDS)
VALUES = {
    "text": st.text(),
    "integer": st.integers(-(2**53), 2**53),
    "real": st.floats(allow_nan=False, allow_infinity=False),
    # exact money travels as text
    "money": st.decimals(0, 99_999, places=12).map(str),
    "boolean": st.booleans(),
    "texts": st.lists(st.text(), max_size=3),
    "json": st.text(),
}


def test_columns_and_attributes_are_one_to_one() -> None:
    """No two fields share a column or an attribute."""
    assert len({f.column for f in (*FIELDS, *RESOURCE_FIELDS)}) == len(FIELDS) + len(RESOURCE_FIELDS)
    assert len({f.attribute for f in FIELDS}) == len(FIELDS)


def test_every_field_has_a_column_in_the_record() -> None:
    """The column list that the store reads with holds every field."""
    assert {f.column for f in (*FIELDS, *RESOURCE_FIELDS)} <= set(call_columns())


@given(st.fixed_dictionaries({}, optional={f.attribute: VALUES[f.kind] for f in FIELDS}))
def test_attributes_survive_the_way_through_a_record(attributes: dict[str, object]) -> None:
    """Attributes -> record -> attributes gives the same, lists as the tuples that spans hold."""
    record = record_from_span({}, {}, attributes)

    expected = {k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()}
    assert expected == attributes_from_record(record)


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_attributes_without_a_field_are_kept_as_text(attributes: dict[str, str]) -> None:
    """What somebody else put on the span stays with the call."""
    unknown = {f"customer.{k}": v for k, v in attributes.items()}

    assert unknown == attributes_from_record(record_from_span({}, {}, unknown))


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
def test_any_text_is_one_ascii_line_of_json(text: str) -> None:
    """Lone surrogates and NUL become U+FFFD, everything else comes back as it was."""
    line = encode_record({"a": text})

    readable = "".join("\ufffd" if c == "\0" or 0xD800 <= ord(c) < 0xE000 else c for c in text)
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    assert b"\n" not in line
    assert json.loads(line)["a"] in (readable, paired)


def test_a_number_that_json_lacks_is_null() -> None:
    """NaN and infinity are unknown, and cost no other field."""
    assert json.loads(encode_record({"a": float("nan"), "b": [float("inf"), 1], "c": 2})) == {
        "a": None,
        "b": [None, 1],
        "c": 2,
    }
