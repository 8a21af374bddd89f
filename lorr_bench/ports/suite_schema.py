"""JSON Schema of suite files with the hyper-parameters of methods, for editors and other programs.

``python -m lorr_bench.ports.suite_schema`` writes the shipped copy, which has the methods that come with
lorr-bench; a test fails when the copy is stale. ``lorr-bench schema`` prints one with all that are installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Final

from lorr_bench.ports.registry import adapter_names, find_adapter, installed_adapters, load_adapter
from lorr_bench.spec.schema import SCHEMA_PATH, Schema, accept_other_names, suite_schema

SCHEMA_ID: Final = "urn:lorr-bench:suite"
"""Names the schema wherever a copy of it lies; no address to fetch it from."""
OWN: Final = "lorr_bench_adapters."
"""How the modules of the methods begin that come with lorr-bench."""


def full_schema(names: Iterable[str] | None = None) -> Schema:
    """What a suite file may say, hyper-parameters included.

    A method whose adapter is known by its name, its ``backend`` and its ``adapter`` may say that adapter's
    settings and no others; of any other method the schema refuses nothing.

    Args:
        names: Full names of adapters; all that are installed by default.
    """
    schema = suite_schema()
    chosen = sorted(adapter_names() if names is None else names)
    for name in chosen:
        schema["$defs"][_key(name)] = _method(name, schema["$defs"])
    methods = schema["properties"]["methods"]
    methods["properties"] = {short: _by_name(short, chosen) for short in _shorts(chosen)}
    ((pattern, body),) = methods["patternProperties"].items()
    methods["patternProperties"] = {pattern: {"allOf": [body, *_by_adapter(chosen)]}}
    return {"$schema": schema.pop("$schema"), "$id": SCHEMA_ID, **schema}


def own_names() -> tuple[str, ...]:
    """Full names of the adapters that come with lorr-bench."""
    return tuple(name for name, entry in installed_adapters().items() if entry.value.startswith(OWN))


def schema_text(schema: Schema) -> str:
    """A schema as the text of a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _key(name: str) -> str:
    return f"method.{name}"


def _method(name: str, definitions: Schema) -> Schema:
    """What a suite says of a method that this adapter trains; what it says of any method is in it, too."""
    adapter = load_adapter(name)
    model = adapter.hyperparameters
    own = model.model_json_schema(mode="validation", ref_template=f"#/$defs/{_key(name)}.{{model}}")
    accept_other_names(own, model)
    sections = {f"{_key(name)}.{section}": body for section, body in own.pop("$defs", {}).items()}
    settings = {**definitions["MethodSpec"]["properties"], **own["properties"]}
    body = {
        "type": "object",
        "description": adapter.source,
        "properties": {
            key: _shared(key, setting, sections, definitions) for key, setting in settings.items()
        },
        "additionalProperties": False,
    }
    return body | {key: own[key] for key in ("allOf", "required") if key in own}


def _shared(key: str, setting: Schema, sections: Schema, definitions: Schema) -> Schema:
    """A setting by reference: most methods have it, and the file would be three times as large."""
    text = json.dumps(setting)
    for section, body in sections.items():  # its sections stand in it, so that equal ones are found to be so
        text = text.replace(json.dumps({"$ref": f"#/$defs/{section}"}), json.dumps(body))
    whole = json.loads(text)
    for number in count():
        name = f"setting.{key}{f'.{number}' if number else ''}"
        if definitions.setdefault(name, whole) == whole:
            break
    return {"$ref": f"#/$defs/{name}"}


def _by_name(short: str, names: Sequence[str]) -> Schema:
    """A method that is called like an adapter and names none: that of its backend, else the preferred."""
    unnamed = _unset("adapter")
    rules = [_then(name, unnamed, _said("backend", backend)) for backend, name in _offers(short, names)]
    preferred = _then(find_adapter(short), unnamed, _unset("backend"))
    return {"allOf": [*rules, preferred]}


def _by_adapter(names: Sequence[str]) -> Iterator[Schema]:
    """What a method may say that names its adapter: in full, or by method and perhaps backend."""
    for short in _shorts(names):
        for backend, name in _offers(short, names):
            yield _then(name, _said("adapter", name))
            yield _then(name, _said("adapter", short), _said("backend", backend))
        yield _then(find_adapter(short), _said("adapter", short), _unset("backend"))


def _shorts(names: Sequence[str]) -> list[str]:
    return sorted({name.rpartition(".")[2] for name in names})


def _offers(short: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Backend and full name of each adapter of a method; a plain name has no backend."""
    for name in names:
        backend, _, method = name.rpartition(".")
        if method == short:
            yield backend, name


def _said(key: str, value: str) -> Schema:
    return {"required": [key], "properties": {key: {"const": value}}}


def _unset(key: str) -> Schema:
    return {"properties": {key: {"type": "null"}}}


def _then(name: str, *conditions: Schema) -> Schema:
    """The settings of an adapter, for a mapping that meets all conditions."""
    return {
        "if": {"type": "object", "allOf": list(conditions)},
        "then": {"$ref": f"#/$defs/{_key(name)}"},
    }


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(full_schema(own_names())), encoding="utf-8")
