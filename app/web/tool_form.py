"""Tool form: a tool's input schema as form fields, and what was typed as the tool's arguments.

The schema is the server's word: it may be of any shape, refer to itself or be enormous. Nothing here
follows more than a few steps of it, and what is not understood becomes a field for JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.errors import InvalidInputError

Kind = Literal["text", "integer", "number", "choice", "json"]
Scalar = str | int | float | bool | None

#: The form field that holds all arguments as one JSON object.
WHOLE: Final = "arguments"
PREFIX: Final = "arg-"
#: With more fields than this, or more choices in one, writing JSON is the easier way.
MAX_FIELDS: Final = 60
MAX_CHOICES: Final = 200
MAX_NAME_CHARS: Final = 100
MAX_HELP_CHARS: Final = 500
MAX_DEFAULT_CHARS: Final = 2000
#: How many references and wrappings of one property are followed.
MAX_STEPS: Final = 8
#: Keywords that make the top level more than a plain list of properties.
COMPOSED: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties"})
TYPES: Final[dict[str, Kind]] = {"string": "text", "integer": "integer", "number": "number"}
INTEGER: Final = re.compile(r"[+-]?[0-9]{1,100}")
NUMBER: Final = re.compile(r"[+-]?[0-9]{1,100}(?:\.[0-9]{1,100})?(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Field:
    """One field of a tool's form. Its texts are the server's: show them as foreign."""

    #: The argument's name; empty when the field holds all arguments.
    name: str
    kind: Kind
    is_required: bool = False
    help: str = ""
    #: As it would be typed; "" for none.
    default: str = ""
    #: What is shown → what is sent, in the server's order; only for `choice`.
    choices: tuple[tuple[str, Scalar], ...] = ()

    @property
    def form_name(self) -> str:
        """Return the name of the form field."""
        return f"{PREFIX}{self.name}" if self.name else WHOLE


def fields_of(schema: Any) -> list[Field]:
    """Return the fields of a tool's form, in the schema's order; one JSON field when it is not simple."""
    if not isinstance(schema, dict) or schema.get("type", "object") != "object" or COMPOSED & schema.keys():
        return [Field("", "json")]
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or len(properties) > MAX_FIELDS or not all(map(_is_name, properties)):
        return [Field("", "json")]
    required = schema.get("required")
    needed = set(filter(_is_name, required)) if isinstance(required, list) else set()
    return [_field(name, _resolve(value, schema), name in needed) for name, value in properties.items()]


def arguments_of(schema: Any, form: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that were typed: `arguments` as JSON, else each `arg-NAME` by its type.

    Empty fields are left out. Raises InvalidInputError(form field, reason): `required`, `integer`,
    `number`, `unknown` (not one of the choices), `json`, `arguments_json`.
    """
    whole = form.get(WHOLE, "")
    if whole.strip():
        arguments = _read_json(WHOLE, whole, "arguments_json")
        if not isinstance(arguments, dict):
            raise InvalidInputError(WHOLE, "arguments_json")
        return arguments
    arguments = {}
    for field in fields_of(schema):
        typed = form.get(field.form_name, "").replace("\r\n", "\n")
        if typed.strip():
            arguments[field.name] = _value(field, typed)
        elif field.is_required:
            raise InvalidInputError(field.form_name, "required")
    return arguments


def _is_name(name: Any) -> bool:
    """Whether a form can carry it: browsers rewrite line breaks, and nobody reads a name without end."""
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARS and name.isprintable()


def _resolve(value: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property's keywords with local references and "or null" unwrapped; outer ones win."""
    found: dict[str, Any] = {}
    for _step in range(MAX_STEPS):
        if not isinstance(value, dict):
            return found
        found = {**value, **found}
        inner = _referenced(value.get("$ref"), root) or _only_variant(value)
        if inner is None:
            return found
        value = inner
    return {}


def _referenced(reference: Any, root: Mapping[str, Any]) -> Any:
    """Return what `#/$defs/NAME` (or `definitions`) stands for, or None."""
    if not isinstance(reference, str):
        return None
    start, _, name = reference.rpartition("/")
    place = root.get(start.removeprefix("#/")) if start in {"#/$defs", "#/definitions"} else None
    return place.get(name) if isinstance(place, dict) else None


def _only_variant(value: Mapping[str, Any]) -> Any:
    """Return the one schema of a union that is not null; None when there are several or none."""
    for keyword in ("anyOf", "oneOf", "allOf"):
        variants = value.get(keyword)
        if isinstance(variants, list) and len(variants) <= MAX_STEPS:
            real = [one for one in variants if one != {"type": "null"}]
            if len(real) == 1:
                return real[0]
    return None


def _field(name: str, keywords: Mapping[str, Any], is_required: bool) -> Field:
    kind, choices = _kind(keywords)
    help_text = keywords.get("description")
    return Field(
        name,
        kind,
        is_required,
        help_text[:MAX_HELP_CHARS] if isinstance(help_text, str) else "",
        _default(kind, choices, keywords.get("default")),
        choices,
    )


def _kind(keywords: Mapping[str, Any]) -> tuple[Kind, tuple[tuple[str, Scalar], ...]]:
    options = [keywords["const"]] if "const" in keywords else keywords.get("enum")
    if isinstance(options, list) and 0 < len(options) <= MAX_CHOICES and all(map(_is_option, options)):
        # Of two that are typed alike, such as 1 and "1", the first one is meant.
        return "choice", tuple({_typed(option): option for option in reversed(options)}.items())[::-1]
    types = keywords.get("type")
    if isinstance(types, list):
        real = [word for word in types if word != "null"]
        types = real[0] if len(real) == 1 else None
    if types == "boolean":
        return "choice", (("true", True), ("false", False))
    return (TYPES.get(types, "json") if isinstance(types, str) else "json"), ()


def _default(kind: Kind, choices: tuple[tuple[str, Scalar], ...], value: Any) -> str:
    """Return the default as it would be typed, or "" when it is none that the field could hold."""
    if value is None or (kind != "json" and not _is_scalar(value)):
        return ""
    text = _json_text(value) if kind == "json" else _typed(value)
    if kind == "choice" and text not in dict(choices):
        return ""
    # One that the field would change is left to the server: it is what applies when nothing is sent.
    lines = text.splitlines() if kind == "json" else [text]
    fits = len(text) <= MAX_DEFAULT_CHARS and all(line.isprintable() for line in lines)
    return text if fits else ""


def _is_scalar(value: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return value is None or isinstance(value, bool | int | float | str)


def _is_option(value: Any) -> bool:
    """Whether a drop-down can hold it and send it back as it is."""
    return _is_scalar(value) and _typed(value).isprintable() and len(_typed(value)) <= MAX_NAME_CHARS


def _typed(value: Scalar) -> str:
    """Return how one would type it."""
    return value if isinstance(value, str) else _json_text(value)


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return ""


def _value(field: Field, typed: str) -> Any:
    """Return what was typed as the field's type. Raises InvalidInputError."""
    if field.kind == "text":
        return typed
    if field.kind == "json":
        return _read_json(field.form_name, typed, "json")
    if field.kind == "choice":
        choices = dict(field.choices)
        if typed not in choices:
            raise InvalidInputError(field.form_name, "unknown")
        return choices[typed]
    if INTEGER.fullmatch(typed.strip()):
        return int(typed)
    if field.kind == "integer":
        raise InvalidInputError(field.form_name, "integer")
    if NUMBER.fullmatch(typed.strip()) and math.isfinite(float(typed)):
        return float(typed)
    raise InvalidInputError(field.form_name, "number")


def _read_json(field: str, text: str, reason: str) -> Any:
    """Return the JSON value, one that can be written again: no NaN, lone surrogate or endless nesting."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise InvalidInputError(field, reason) from None
    return value
