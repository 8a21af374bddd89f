"""What a validation error means for whoever wrote the suite: place, reason, nearest valid name.

pydantic names a fault by its way through the models. Here the same way is walked again, to find what the
file says there (union tags are no keys of the file) and which names would have been valid.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from lorr_bench.errors import SuiteError
from lorr_bench.spec.base import NAME_PATTERN
from lorr_bench.spec.document import Lines, Location

MAX_REPORTED = 50


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place in the models.

    Attributes:
        location: The same place in the file.
        expected: Alternatives for the type of its value; empty when unknown.
        holders: Alternatives for the type of the mapping or list it stands in.
        field: The field it is, or whose list it stands in.
    """

    location: Location
    expected: tuple[Any, ...]
    holders: tuple[Any, ...]
    field: FieldInfo | None

    @property
    def name(self) -> str:
        return ".".join(map(str, self.location))[:160]

    @property
    def key(self) -> str:
        return str(self.location[-1])[:80] if self.location else ""

    @property
    def meaning(self) -> str:
        return (self.field and self.field.description) or ""


def model_errors(
    error: ValidationError,
    loaded_lines: Mapping[Location, int],
    path: Path,
    model: type[BaseModel],
    prefix: Location = (),
) -> SuiteError:
    """All faults that pydantic found, as one error with place, reason and remedy for each.

    Args:
        error: What pydantic raised.
        loaded_lines: ``LoadedSuite.lines``.
        path: The suite file.
        model: The model that refused the values.
        prefix: Where in the suite the values stand, for example ``("methods", "dpo")``.

    Returns:
        The error, to be raised by the caller.
    """
    lines = loaded_lines if isinstance(loaded_lines, Lines) else Lines(loaded_lines)
    faults: list[tuple[int, str, str, str]] = []
    for item in _own_faults(error.errors(include_url=False)):
        spot = _locate(model, item["loc"], prefix)
        what, fix = _explain(item, spot)
        faults.append((lines.line(spot.location), lines.place(path, spot.location), what, fix))
    faults.sort(key=lambda fault: fault[0])
    if len(faults) == 1:
        _, place, what, fix = faults[0]
        return SuiteError(what, where=place, fix=fix)
    told = [
        f"  {place}: {what}" + (f"; {fix}" if fix else "") for _, place, what, fix in faults[:MAX_REPORTED]
    ]
    if len(faults) > MAX_REPORTED:
        told.append(f"  and {len(faults) - MAX_REPORTED} more")
    fix = "correct each of them; `lorr-bench validate` looks again"
    return SuiteError("\n".join([f"{len(faults)} errors", *told]), where=str(path), fix=fix)


def _own_faults(items: Sequence[Any]) -> list[Any]:
    """Without the lists that are too short only because an entry of theirs is at fault itself."""
    above = {item["loc"][:length] for item in items for length in range(len(item["loc"]))}
    return [item for item in items if item["type"] != "too_short" or item["loc"] not in above]


def nearest(name: str, candidates: Iterable[str]) -> str:
    """``did you mean `x`?`` with at most two names, or nothing."""
    close = difflib.get_close_matches(name, list(candidates), n=2)
    return f"did you mean {' or '.join(f'`{c}`' for c in close)}? " if close else ""


def _locate(model: type[BaseModel], loc: Sequence[str | int], prefix: Location) -> _Spot:
    location, expected = prefix, _alternatives(model)
    holders: tuple[Any, ...] = ()
    field: FieldInfo | None = None
    for step in loc:
        if step == "[key]":
            break
        if len(expected) > 1 and (chosen := _chosen(expected, step)):
            expected = chosen
            continue
        location, holders = (*location, step), expected
        own = next((f for f in (_fields(h).get(str(step)) for h in holders) if f), None)
        expected = _alternatives(own.annotation) if own else _element(holders, step)
        field = own or (field if isinstance(step, int) else None)
    return _Spot(location, expected, holders, field)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, without None; a single type is its own only member."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(m for member in get_args(annotation) for m in _alternatives(member))
    return () if annotation is types.NoneType else (annotation,)


def _chosen(members: tuple[Any, ...], step: str | int) -> tuple[Any, ...]:
    """The union members that pydantic means by a step that is no key of the file; empty for a key."""
    if isinstance(step, int):
        return ()
    tagged = tuple(m for m in members if step in _tags(m) or step == getattr(m, "__name__", None))
    is_key = any(get_origin(m) in (dict, Mapping) or step in _fields(m) for m in members)
    return tagged or (() if is_key else members)


def _element(holders: tuple[Any, ...], step: str | int) -> tuple[Any, ...]:
    """The type of a dict's values or of a list's entries."""
    for holder in holders:
        origin, args = get_origin(holder), get_args(holder)
        if isinstance(step, str) and len(args) == 2 and Ellipsis not in args:
            return _alternatives(args[1])
        if isinstance(step, int) and origin is not None and args:
            varied = origin is tuple and Ellipsis not in args
            return _alternatives(args[step] if varied and step < len(args) else args[0])
    return ()


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _names(name: str, field: FieldInfo, model: type[BaseModel]) -> list[str]:
    """The keys that a field answers to, the preferred one first."""
    alias = field.validation_alias
    aliases = alias.choices if isinstance(alias, AliasChoices) else [alias]
    names = [a for a in aliases if isinstance(a, str)]
    by_name = model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
    return list(dict.fromkeys([*names, name] if by_name or not names else names))


def _fields(annotation: Any) -> dict[str, FieldInfo]:
    """The fields of a model by every key they answer to; nothing for what is no model."""
    if not _is_model(annotation):
        return {}
    fields = annotation.model_fields.items()
    return {key: field for name, field in fields for key in _names(name, field, annotation)}


def _preferred(annotation: Any) -> list[str]:
    if not _is_model(annotation):
        return []
    return [_names(name, field, annotation)[0] for name, field in annotation.model_fields.items()]


def _tags(annotation: Any) -> list[str]:
    """The values of a model's discriminator: of every field that is a single literal."""
    if not _is_model(annotation):
        return []
    literals = [f.annotation for f in annotation.model_fields.values() if get_origin(f.annotation) is Literal]
    return [str(get_args(found)[0]) for found in literals if len(get_args(found)) == 1]


def _explain(item: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    """What is wrong, and what to do."""
    explain = _EXPLANATIONS.get(item["type"], _default)
    what, fix = explain(item["input"], {"msg": item["msg"], **item.get("ctx", {})}, spot)
    return what, fix or "correct this value"


def _default(given: Any, context: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    reason = context["msg"][:1].lower() + context["msg"][1:]
    return f"`{spot.name}`: {reason}, got {_short(given)}", _meaning(spot)


def _meaning(spot: _Spot) -> str:
    key = next((step for step in reversed(spot.location) if isinstance(step, str)), "")
    return f"`{key}` means: {spot.meaning}" if spot.meaning else ""


def _unknown_key(_: Any, __: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    known = {name: field for holder in spot.holders for name, field in _fields(holder).items()}
    valid = [name for holder in spot.holders for name in _preferred(holder)]
    if spot.key in known:  # an alias, refused because the field came under another of its names too
        other = next(name for name in valid if known[name] is known[spot.key])
        return f"`{spot.name}` is another name of `{other}`, which is given too", "keep one of the two"
    return f"unknown key `{spot.name}`", f"{nearest(spot.key, known)}valid keys here: {', '.join(valid)}"


def _missing(_: Any, __: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    return f"`{spot.name}` is missing", f"add `{spot.key}: …`" + (
        f" ({spot.meaning})" if spot.meaning else ""
    )


def _own_reason(_: Any, context: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    return (f"`{spot.name}`: " if spot.name else "") + str(context["error"]), _meaning(spot)


def _wrong_choice(given: Any, _: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    choices = [str(c) for e in spot.expected if get_origin(e) is Literal for c in get_args(e)]
    return f"`{spot.name}` can't be {_short(given)}", _choose(given, choices)


def _wrong_type(_: Any, context: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    tag = context["tag"]
    return f"`{spot.name}` has the unknown type `{tag}`", _choose(tag, _all_tags(spot))


def _no_type(_: Any, context: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    selector = str(context["discriminator"]).strip("'")
    return f"`{spot.name}` has no `{selector}`", f"add `{selector}: …`, one of: {', '.join(_all_tags(spot))}"


def _pattern(given: Any, context: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    if context["pattern"] != NAME_PATTERN:
        return _default(given, context, spot)
    return f"`{spot.name}`: {_short(given)} is no name", "use lower-case letters, digits, - and _, at most 64"


def _no_mapping(given: Any, _: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    keys = [key for expected in spot.expected for key in _preferred(expected)]
    fix = f"its keys are: {', '.join(keys)}" if keys else "write `name: value` lines below it"
    return f"`{spot.name}` should be a mapping, got {_short(given)}", fix


def _no_list(given: Any, _: Mapping[str, Any], spot: _Spot) -> tuple[str, str]:
    return f"`{spot.name}` should be a list, got {_short(given)}", f"write `{spot.key}: [value, value]`"


_EXPLANATIONS: dict[str, Callable[[Any, Mapping[str, Any], _Spot], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "value_error": _own_reason,
    "literal_error": _wrong_choice,
    "union_tag_invalid": _wrong_type,
    "union_tag_not_found": _no_type,
    "string_pattern_mismatch": _pattern,
    "model_type": _no_mapping,
    "model_attributes_type": _no_mapping,
    "dict_type": _no_mapping,
    "tuple_type": _no_list,
    "list_type": _no_list,
}


def _all_tags(spot: _Spot) -> list[str]:
    return [tag for member in spot.expected for tag in _tags(member)]


def _choose(given: Any, choices: Sequence[str]) -> str:
    return f"{nearest(str(given), choices)}choose from: {', '.join(choices)}"


def _short(value: Any) -> str:
    """The value as YAML says it, cut to a readable length."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
