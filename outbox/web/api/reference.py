"""The OpenAPI document as a page tells it: operations by theme, and the shapes that they name (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]
_REF = "#/components/schemas/"
_FAILURES = "400"
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: `words` around the name of a shape, where it is one or a list of one."""

    words: str
    shape: str | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a key: what it is, whether it must be there, and what it means."""

    name: str
    kind: Kind
    required: bool
    words: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of an operation."""

    status: str
    words: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One call."""

    id: str
    method: str
    path: str
    words: str
    parameters: tuple[Field, ...]
    media_type: str | None
    body: Kind | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with its keys, or a choice of words."""

    name: str
    words: str
    fields: tuple[Field, ...]
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """All of it."""

    words: str
    themes: tuple[tuple[str, tuple[Operation, ...]], ...]
    shapes: Mapping[str, Shape]

    def operation(self, named: str) -> Operation | None:
        """The operation of this id."""
        return next((one for _, operations in self.themes for one in operations if one.id == named), None)

    def shapes_of(self, operation: Operation) -> tuple[Shape, ...]:
        """Every shape that the operation names, and those that these name, each once."""
        kinds = [operation.body, *(one.kind for one in operation.answers if one.status < _FAILURES)]
        ahead = [one.shape for one in kinds if one is not None and one.shape is not None]
        ahead += [one.kind.shape for one in operation.parameters if one.kind.shape is not None]
        found: dict[str, Shape] = {}
        while ahead:
            name = ahead.pop(0)
            if name not in found:
                found[name] = self.shapes[name]
                ahead += [one.kind.shape for one in found[name].fields if one.kind.shape is not None]
        return tuple(found.values())


def reference(document: Json) -> Reference:
    """The document, told."""
    themes: dict[str, list[Operation]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            themes.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    schemas: Json = document["components"]["schemas"]
    shapes = {name: _shape(name, schema) for name, schema in schemas.items()}
    return Reference(document["info"]["description"], tuple((tag, tuple(each)) for tag, each in themes.items()), shapes)


def _operation(method: str, path: str, operation: Json) -> Operation:
    body = operation.get("requestBody", {}).get("content", {})
    media_type = next(iter(body), None)
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        words=operation.get("description", ""),
        parameters=tuple(
            Field(one["name"], kind(one["schema"]), one.get("required", False), one.get("description", ""), one["in"])
            for one in operation.get("parameters", ())
        ),
        media_type=media_type,
        body=None if media_type is None else kind(body[media_type]["schema"]),
        answers=tuple(
            Answer(status, one["description"], next(_kinds(one), None))
            for status, one in operation["responses"].items()
        ),
    )


def _kinds(answer: Json) -> Iterator[Kind]:
    return (kind(content["schema"]) for content in answer.get("content", {}).values())


def _shape(name: str, schema: Json) -> Shape:
    required = schema.get("required", ())
    fields = tuple(
        Field(key, kind(one), key in required, one.get("description", ""))
        for key, one in schema.get("properties", {}).items()
    )
    return Shape(name, schema.get("description", ""), fields, tuple(map(str, schema.get("enum", ()))))


def kind(schema: Json) -> Kind:
    """A schema in few words."""
    if "$ref" in schema:
        return Kind("", schema["$ref"].removeprefix(_REF))
    if "anyOf" in schema:
        return _one_of([kind(one) for one in schema["anyOf"]])
    if "const" in schema or "enum" in schema:
        return Kind(" or ".join(map(str, schema.get("enum", [schema.get("const")]))))
    return _typed(schema)


def _typed(schema: Json) -> Kind:
    match schema.get("type"):
        case "array":
            inner = kind(schema.get("items", {}))
            told = Kind(f"list of {inner.words}", inner.shape, inner.after)
        case "object":
            of = schema.get("additionalProperties")
            inner = kind(of) if isinstance(of, dict) and of else Kind("any")
            told = Kind(f"object of {inner.words}", inner.shape, inner.after)
        case str() as named:
            moment = schema.get("format") == "date-time"
            told = Kind("moment" if moment else _WORDS.get(named, named) + _bounds(schema))
        case _:
            told = Kind("any JSON")
    return told


def _one_of(kinds: list[Kind]) -> Kind:
    named = [one for one in kinds if one.shape is not None]
    plain = [one.words for one in kinds if one.shape is None]
    if len(named) > 1:
        return Kind(" or ".join([one.shape or "" for one in named] + plain))
    if not named:
        return Kind(" or ".join(plain))
    only = named[0]
    return Kind(only.words, only.shape, only.after + "".join(f" or {words}" for words in plain))


def _bounds(schema: Json) -> str:
    low = schema.get("minimum", schema.get("minLength", schema.get("exclusiveMinimum")))
    high = schema.get("maximum", schema.get("maxLength", schema.get("exclusiveMaximum")))
    large = 2**31 - 1
    if high is None or high >= large:
        return ""
    unit = " signs" if schema.get("type") == "string" else ""
    return f", {low if low is not None else 0} to {high}{unit}"
