"""Operations: the OpenAPI document, in the order and words in which a page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

#: The order of the methods of one path.
METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body or answer. `kind`: its type in words of JSON Schema."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Answer:
    """A status that says it was done, with the fields of its body."""

    status: str
    description: str
    fields: list[Field]


@dataclass(frozen=True)
class Operation:
    """A method of a path. `guards`: names of the security schemes that all must pass.

    `problems`: statuses of its errors, whose bodies are all alike.
    """

    name: str
    method: str
    path: str
    summary: str
    description: str
    guards: list[str]
    parameters: list[Field]
    body: list[Field]
    answers: list[Answer]
    problems: list[str]


def read_operations(document: dict[str, Any]) -> dict[str, list[Operation]]:
    """Return tag → its operations, as an OpenAPI 3.1 document has them."""
    groups: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                operation = _operation(document, method, path, shared, item[method])
                groups[item[method]["tags"][0]].append(operation)
    return groups


def read_schema(document: dict[str, Any], name: str) -> list[Field]:
    """Return the fields of one of the document's schemas."""
    return list(_walk(document, document["components"]["schemas"][name], ""))


def _operation(
    document: dict[str, Any], method: str, path: str, shared: list[Any], source: dict[str, Any]
) -> Operation:
    done = {status: found for status, found in source["responses"].items() if status.startswith("2")}
    return Operation(
        name=source["operationId"],
        method=method.upper(),
        path=path,
        summary=source["summary"],
        description=source.get("description", ""),
        guards=[name for guard in source["security"] for name in guard],
        parameters=[_parameter(found) for found in [*shared, *source.get("parameters", [])]],
        body=_fields(document, source.get("requestBody", {})),
        answers=[
            Answer(status, found["description"], _fields(document, found)) for status, found in done.items()
        ],
        problems=[status for status in source["responses"] if status not in done],
    )


def _parameter(source: dict[str, Any]) -> Field:
    description = source.get("description", "")
    return Field(source["name"], _kind(source["schema"]), source.get("required", False), description)


def _fields(document: dict[str, Any], holder: dict[str, Any]) -> list[Field]:
    """Return the fields of the object in a body or answer, those of objects within it included."""
    content: dict[str, Any] = next(iter(holder.get("content", {}).values()), {})
    return list(_walk(document, content.get("schema", {}), ""))


def _walk(document: dict[str, Any], schema: dict[str, Any], prefix: str) -> Iterator[Field]:
    found = _resolved(document, schema)
    for name, source in found.get("properties", {}).items():
        inner = _resolved(document, source)
        required = name in found.get("required", ())
        yield Field(prefix + name, _kind(inner), required, inner.get("description", ""))
        yield from _walk(document, inner, f"{prefix}{name}.")
        if "items" in inner:
            yield from _walk(document, inner["items"], f"{prefix}{name}[].")


def _kind(schema: dict[str, Any]) -> str:
    """Return "string or null, date-time" and the like."""
    types = schema.get("type", "any")
    words = types if isinstance(types, str) else " or ".join(types)
    return f"{words}, {schema['format']}" if "format" in schema else words


def _resolved(document: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference of the document points at, or the source itself."""
    while "$ref" in source:
        target: Any = document
        for part in source["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        source = target
    return source
