"""`--set a.b=c`: one value of a suite from the command line."""

from __future__ import annotations

import copy
from typing import Any

from lorr_bench.errors import SuiteError
from lorr_bench.spec.document import MAX_DEPTH, Lines, Location, read_document

_FORM = "write --set key.key=value, for example --set data.collect.num_prompts=10 or --set 'seeds=[0, 1]'"


def apply_override(values: dict[str, Any], lines: Lines, override: str) -> Lines:
    """Set one value in place.

    Mappings that are missing on the way are made; a list index must exist.

    Args:
        values: What the suite file says; changed.
        lines: Where everything stands.
        override: ``a.b=c``: a dotted path with list indices counted from 0, and a value in YAML.

    Returns:
        Where everything stands now.

    Raises:
        SuiteError: The option has another form, its value is not YAML, or its path can't be followed.
    """
    option = f"--set {override}"
    keys, value = _parse(override, option)
    holder: Any = values
    location: Location = ()
    for key in keys[:-1]:
        step = _step(holder, key, location, option)
        location = (*location, step)
        if not isinstance(step, int) and step not in holder:
            lines = lines.replaced(location, option)
        holder[step] = _opened(holder.get(step) if isinstance(holder, dict) else holder[step], location)
        holder = holder[step]
    step = _step(holder, keys[-1], location, option)
    holder[step] = value
    return lines.replaced((*location, step), option)


def take_variant(values: dict[str, Any], lines: Lines) -> Lines:
    """Change a suite as the variant says that ``--set variant=NAME`` asked for; where none was, nothing.

    Args:
        values: What the suite file says; changed.
        lines: Where everything stands.

    Returns:
        Where everything stands now.

    Raises:
        SuiteError: The suite has no such variant.
    """
    if "variant" not in values:
        return lines
    name, variants = values.pop("variant"), values.get("variants")
    known = variants if isinstance(variants, dict) else {}
    option = f"--set variant={name}"
    if not isinstance(name, str) or not isinstance(known.get(name), dict):
        fix = f"It has {', '.join(known)}." if known else "It has none: leave this out."
        raise SuiteError(f"the suite has no variant {name!r}", where=option, fix=fix)
    return _merged(values, known[name], lines, (), option)


def _merged(
    holder: dict[str, Any], changes: dict[str, Any], lines: Lines, location: Location, option: str
) -> Lines:
    """Put changes into a mapping: mappings key by key, other values as a whole."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(holder.get(key), dict):
            lines = _merged(holder[key], value, lines, (*location, key), option)
        else:
            holder[key] = copy.deepcopy(value)
            lines = lines.replaced((*location, key), option)
    return lines


def _parse(override: str, option: str) -> tuple[list[str], Any]:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise SuiteError("is not of the form key=value", where=option, fix=_FORM)
    if not text.strip():
        raise SuiteError(
            "gives no value", where=option, fix="write null for no value, '\"\"' for an empty text"
        )
    if len(keys) >= MAX_DEPTH:
        raise SuiteError(f"goes deeper than {MAX_DEPTH} levels", where=option, fix=_FORM)
    return keys, read_document(text, lambda _: option, depth=len(keys)).value


def _step(holder: Any, key: str, location: Location, option: str) -> str | int:
    """The key as this holder knows it: text for a mapping, a number for a list."""
    if isinstance(holder, dict):
        return key
    name = ".".join(map(str, location))
    if not isinstance(holder, list):
        fix = f"give `{name}` as a whole, for example --set '{name}={{{key}: …}}'"
        raise SuiteError(f"`{name}` is a single value, so it has no `{key}`", where=option, fix=fix)
    if key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(holder):
        return int(key)
    fix = (
        f"use a number from 0 to {len(holder) - 1}"
        if holder
        else f"give the list as a whole: --set '{name}=[…]'"
    )
    raise SuiteError(f"`{name}` is a list of {len(holder)}, so it has no `{key}`", where=option, fix=fix)


def _opened(value: Any, location: Location) -> Any:
    """A mapping in place of the short forms that stand for one, so that a key can be set in it."""
    if value is None or value is True:
        return {}
    if isinstance(value, str) and location == ("model",):
        return {"path": value}
    return value
