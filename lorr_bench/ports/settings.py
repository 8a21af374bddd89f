"""The settings of a model in words: name, type, default and meaning, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import AliasChoices, BaseModel, TypeAdapter

from lorr_bench.spec.schema import Schema, models_in

_WORDS: Final = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "object": "mapping",
}
_BOUNDS: Final = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


@dataclass(frozen=True)
class Setting:
    """One key that a suite can give.

    Attributes:
        name: The key; those of a section below another with dots, such as ``lora.r``.
        type: What values it takes, in words.
        default: The value where nothing is said, as JSON has it; None where there is none, too.
        required: Whether it has to be given.
        description: What it means.
        other_names: Keys that mean the same.
    """

    name: str
    type: str
    default: Any
    required: bool
    description: str
    other_names: tuple[str, ...] = ()


def said_default(default: Any, *, required: bool) -> str:
    """A default as a suite would say it."""
    if required:
        return "none: say it"
    if isinstance(default, dict):
        return "on" if default else "{}"
    if isinstance(default, bool):
        return "true" if default else "false"
    return "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def settings_of(model: type[BaseModel]) -> tuple[Setting, ...]:
    """The settings of a model in their order, those of its sections after the section itself."""
    schema = model.model_json_schema(by_alias=False)
    bodies = {**schema.get("$defs", {}), model.__name__: schema}
    models = {part.__name__: part for part in models_in(model)}
    return tuple(_settings(model.__name__, models, bodies, ""))


def other_names(model: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """The further keys to which each field with several names answers, by its own name."""
    choices = {name: field.validation_alias for name, field in model.model_fields.items()}
    return {
        name: tuple(str(other) for other in alias.choices if other != name)
        for name, alias in choices.items()
        if isinstance(alias, AliasChoices)
    }


def _settings(
    name: str, models: Mapping[str, type[BaseModel]], bodies: Mapping[str, Schema], before: str
) -> Iterator[Setting]:
    fields, aliases = models[name].model_fields, other_names(models[name])
    for key, body in bodies[name]["properties"].items():
        required = fields[key].is_required()
        yield Setting(
            name=f"{before}{key}",
            type=_type(body),
            default=None if required else _plain(fields[key].get_default(call_default_factory=True)),
            required=required,
            description=body.get("description", ""),
            other_names=aliases.get(key, ()),
        )
        for section in _sections(body):
            yield from _settings(section, models, bodies, f"{before}{key}.")


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    return TypeAdapter(Any).dump_python(value, mode="json")


def _sections(field: Schema) -> Iterator[str]:
    """Names of the definitions that a value of the field can be."""
    for part in (field, field.get("items", {}), *field.get("anyOf", ())):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]


def _type(field: Schema) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(map(_type, field["anyOf"])))
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {'type': 'object'}))}"
    if "$ref" in field:
        return "mapping"
    bounds = " and ".join(f"{sign} {field[name]}" for name, sign in _BOUNDS.items() if name in field)
    word = _WORDS.get(field.get("type", ""), "any value")
    return f"{word} {bounds}" if bounds else word
