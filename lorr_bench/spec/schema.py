"""JSON Schema of the suite file, but for the hyper-parameters of methods, which adapters know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel
from pydantic.json_schema import GenerateJsonSchema

from lorr_bench.spec import models
from lorr_bench.spec.benchmarks import BENCHMARKS
from lorr_bench.spec.evaluation import ALIASES, PROTOCOL_FIELDS
from lorr_bench.spec.presets import PRESETS

SCHEMA_PATH = Path(__file__).with_name("suite.schema.json")
Schema = dict[str, Any]

_NULL: Schema = {"type": "null"}
# `off` is a boolean to an editor that reads YAML 1.1 and a text to one that reads YAML 1.2.
_OFF: list[Schema] = [{"type": "boolean"}, {"enum": ["off", "on"]}]
_MEASURE: Schema = {"type": "string", "pattern": r"^\s*\S+(\s+\S+)?\s*$"}


def suite_schema() -> Schema:
    """What a suite file may say, as JSON Schema (draft 2020-12).

    pydantic describes the full form; the other names of fields and the short forms that the models'
    validators accept are added here.
    """
    schema = models.Suite.model_json_schema(mode="validation")
    by_name = {model.__name__: model for model in models_in(models.Suite)}
    for name, definition in schema["$defs"].items():
        accept_other_names(definition, by_name[name])
    for part in ("reset", "sft", "adaptive"):
        schema["$defs"]["LorrPlugin"]["properties"][part]["anyOf"] += _OFF
    properties = schema["properties"]
    properties["model"]["anyOf"] = [{"$ref": properties["model"].pop("$ref")}, {"type": "string"}]
    _accept_bare_methods(properties["methods"])
    _accept_untyped_plugins(properties["plugins"])
    _accept_names_in_evaluation(schema["$defs"])
    schema["$defs"]["AnalysisSpec"]["properties"]["measure"]["anyOf"].append(_MEASURE)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "lorr-bench suite"}


def accept_other_names(schema: Schema, model: type[BaseModel]) -> None:
    """Accept every alias of a field, one at a time."""
    for field in model.model_fields.values():
        if not isinstance(field.validation_alias, AliasChoices):
            continue
        first, *others = [str(name) for name in field.validation_alias.choices]
        for other in others:
            schema["properties"][other] = schema["properties"][first] | {"description": f"`{first}`"}
        pairs = [[a, b] for i, a in enumerate([first, *others]) for b in others[i:]]
        schema.setdefault("allOf", []).extend({"not": {"required": pair}} for pair in pairs)


def _accept_bare_methods(schema: Schema) -> None:
    """Accept a method with nothing below its name."""
    ((pattern, method),) = schema["patternProperties"].items()
    schema["patternProperties"] = {pattern: {"anyOf": [method, _NULL]}}
    schema["additionalProperties"] = False


def _accept_untyped_plugins(schema: Schema) -> None:
    """Accept a plug-in called `plain` or `lorr` without `type`; any other needs one."""
    ((pattern, plugin),) = schema["patternProperties"].items()
    bodies = {kind: {"$ref": ref} for kind, ref in plugin["discriminator"]["mapping"].items()}
    typed = {kind: {"allOf": [body, {"required": ["type"]}]} for kind, body in bodies.items()}
    schema["properties"] = {
        name: {"anyOf": [body, *(other for kind, other in typed.items() if kind != name), _NULL]}
        for name, body in bodies.items()
    }
    schema["patternProperties"] = {rf"(?!^({'|'.join(bodies)})$){pattern}": {"anyOf": list(typed.values())}}
    schema["additionalProperties"] = False


def _accept_names_in_evaluation(definitions: Schema) -> None:
    """Accept names in place of benchmarks, presets and protocols, and what these leave to be said."""
    evaluation = definitions["EvaluationSpec"]["properties"]
    math, general = definitions["MathBenchmark"], evaluation["general"]
    for field in ("repeats", "avg_at"):
        math["properties"][field].setdefault("minimum", 0)
    math["required"] = ["name"]  # the protocol gives the token limit
    registered = {"enum": list(BENCHMARKS)}
    math["anyOf"] = [
        {"required": ["source"]},
        {"properties": {"name": registered}},
        {"properties": {"like": registered}, "required": ["like"]},
    ]
    evaluation["math"]["items"] = {"anyOf": [evaluation["math"]["items"], registered]}
    presets = {"enum": list(PRESETS)}
    changed = {"type": "object", "properties": {"preset": presets}, "required": ["preset"]}
    general["items"] = {"anyOf": [general["items"], presets, changed]}
    names = {**evaluation["protocol"]}
    fields = {name: math["properties"][name] for name in (*PROTOCOL_FIELDS, *ALIASES)}
    own = {"type": "object", "properties": {"name": names, **fields}, "additionalProperties": False}
    evaluation["protocol"] = {
        "anyOf": [{key: names[key] for key in ("enum", "type")}, own],
        **{key: names[key] for key in ("default", "description", "title")},
    }
    evaluation["contamination"]["anyOf"] += _OFF
    for benchmark in ("MathBenchmark", "GeneralBenchmark"):  # the text `off` is a text already
        definitions[benchmark]["properties"]["cluster_column"]["anyOf"] += [{"const": False}]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """A model and all models of its fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for argument in get_args(annotation):
        yield from models_in(argument)
