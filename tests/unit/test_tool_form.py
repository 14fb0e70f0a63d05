from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.web.tool_form import Field, arguments_of, fields_of


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def kinds(**properties: Any) -> list[str]:
    return [field.kind for field in fields_of(schema(**properties))]


def refusal(of: Any, form: dict[str, str]) -> tuple[str, str]:
    with pytest.raises(InvalidInputError) as caught:
        arguments_of(of, form)
    return caught.value.field, caught.value.reason


def test_each_simple_type_has_its_own_kind_of_field_in_the_order_of_the_schema() -> None:
    found = fields_of(
        schema(
            "text",
            text={"type": "string", "description": "Words"},
            count={"type": "integer", "default": 3},
            share={"type": "number", "default": 0.5},
            loud={"type": "boolean", "default": False},
            size={"enum": ["s", "m", 3, None]},
            tags={"type": "array", "default": ["a"]},
        )
    )

    assert found == [
        Field("text", "text", is_required=True, help="Words"),
        Field("count", "integer", default="3"),
        Field("share", "number", default="0.5"),
        Field("loud", "choice", default="false", choices=(("true", True), ("false", False))),
        Field("size", "choice", choices=(("s", "s"), ("m", "m"), ("3", 3), ("null", None))),
        Field("tags", "json", default='[\n  "a"\n]'),
    ]


def test_a_reference_and_an_or_null_are_seen_through() -> None:
    given_schema = schema(
        colour={"$ref": "#/$defs/Colour", "description": "Which"},
        limit={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        name={"type": ["string", "null"]},
    ) | {"$defs": {"Colour": {"enum": ["red", "blue"], "description": "inner"}}}

    colour, limit, name = fields_of(given_schema)

    assert (colour.kind, colour.help, dict(colour.choices)) == (
        "choice",
        "Which",
        {"red": "red", "blue": "blue"},
    )
    assert (limit.kind, limit.default) == ("integer", "")
    assert name.kind == "text"


def test_a_type_of_several_and_an_unknown_one_are_written_as_json() -> None:
    assert (
        kinds(a={"type": ["string", "integer"]}, b={}, c=True, d={"type": "file"}, e={"type": {}})
        == ["json"] * 5
    )
    assert kinds(a={"anyOf": [{"type": "string"}, {"type": "integer"}]}) == ["json"]


@pytest.mark.parametrize(
    "not_simple",
    [
        True,
        None,
        [],
        "object",
        {"type": "array"},
        {"type": ["object"]},
        {"anyOf": [{"type": "object"}]},
        {"$ref": "#"},
        {"properties": []},
        {"properties": {"a\nb": {"type": "string"}}},
        {"properties": {"x" * 101: {"type": "string"}}},
        {"properties": {"": {"type": "string"}}},
        {"properties": {f"p{number}": {} for number in range(61)}},
    ],
)
def test_a_schema_that_is_no_list_of_properties_has_one_field_for_all_arguments(not_simple: Any) -> None:
    fields = fields_of(not_simple)

    assert [field.form_name for field in fields] == ["arguments"]
    assert arguments_of(not_simple, {"arguments": '{"a": [1]}'}) == {"a": [1]}
    assert arguments_of(not_simple, {"arguments": ""}) == {}


def test_a_schema_without_properties_has_no_field() -> None:
    assert fields_of({"type": "object"}) == fields_of({}) == []
    assert arguments_of({}, {}) == {}


def test_a_reference_to_itself_ends() -> None:
    looping = schema(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": {"$ref": "#/$defs/A"}}}

    assert [field.kind for field in fields_of(looping)] == ["json"]


def test_what_was_typed_becomes_what_the_schema_says() -> None:
    of = schema(
        text={"type": "string"},
        count={"type": "integer"},
        share={"type": "number"},
        loud={"type": "boolean"},
        size={"enum": ["s", 3]},
        tags={"type": "array"},
    )

    typed = {
        "text": " a\r\nb ",
        "count": " -12 ",
        "share": "1.5e2",
        "loud": "false",
        "size": "3",
        "tags": "[1, 2]",
    }

    assert arguments_of(of, {f"arg-{name}": text for name, text in typed.items()}) == {
        "text": " a\nb ",
        "count": -12,
        "share": 150.0,
        "loud": False,
        "size": 3,
        "tags": [1, 2],
    }


def test_a_whole_number_stays_whole_where_any_number_may_stand() -> None:
    found = arguments_of(schema(a={"type": "number"}), {"arg-a": "2"})["a"]

    assert (found, type(found)) == (2, int)


def test_an_empty_field_is_left_out_and_a_needed_one_is_asked_for() -> None:
    of = schema("a", a={"type": "string"}, b={"type": "string"})

    assert arguments_of(of, {"arg-a": "x", "arg-b": " "}) == {"a": "x"}
    assert refusal(of, {"arg-a": " ", "arg-b": "x"}) == ("arg-a", "required")
    assert refusal(of, {}) == ("arg-a", "required")


@pytest.mark.parametrize(
    ("keywords", "typed", "reason"),
    [
        ({"type": "integer"}, "1.5", "integer"),
        ({"type": "integer"}, "0x10", "integer"),
        ({"type": "integer"}, "9" * 5000, "integer"),
        ({"type": "integer"}, "１２", "integer"),
        ({"type": "number"}, "nan", "number"),
        ({"type": "number"}, "1e999", "number"),
        ({"type": "boolean"}, "maybe", "unknown"),
        ({"enum": ["a"]}, "b", "unknown"),
        ({"type": "array"}, "[1", "json"),
        ({"type": "array"}, "NaN", "json"),
        ({"type": "array"}, '["\\ud800"]', "json"),
        ({"type": "array"}, "[" * 100_000, "json"),
    ],
)
def test_what_does_not_fit_is_refused_beside_its_field(keywords: Any, typed: str, reason: str) -> None:
    assert refusal(schema(a=keywords), {"arg-a": typed}) == ("arg-a", reason)


@pytest.mark.parametrize("typed", ["[]", "null", "{", '{"a": 1e999}', "x"])
def test_arguments_that_are_no_json_object_are_refused(typed: str) -> None:
    assert refusal(schema(), {"arguments": typed}) == ("arguments", "arguments_json")


def test_arguments_as_json_win_over_the_fields() -> None:
    of = schema("a", a={"type": "string"})

    assert arguments_of(of, {"arguments": '{"a": 1}', "arg-a": "x"}) == {"a": 1}


def test_a_default_that_its_field_would_change_is_not_written_into_it() -> None:
    of = schema(a={"type": "string", "default": "two\nlines"}, b={"type": "string", "default": "a\u202eb"})

    assert [field.default for field in fields_of(of)] == ["", ""]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "enum", "const", "anyOf", "$ref", "default", "description", "properties", "x"]
            ),
            inner | st.sampled_from(["object", "string", "integer", "#/$defs/x"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(properties=st.dictionaries(st.text(max_size=5), JSON, max_size=4), definitions=JSON, required=JSON)
def test_no_schema_breaks_the_form_and_every_default_may_be_sent_back(
    properties: dict[str, Any], definitions: Any, required: Any
) -> None:
    of = {"type": "object", "properties": properties, "$defs": definitions, "required": required}

    fields = fields_of(of)

    typed = {field.form_name: field.default for field in fields}
    try:
        arguments = arguments_of(of, typed)
    except InvalidInputError as error:
        assert error.field in typed
    else:
        assert set(arguments) <= set(properties)
