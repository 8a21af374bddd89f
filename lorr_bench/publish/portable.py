"""Nothing of this machine in what is published: no path and no secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Final

from lorr_bench.errors import DataError
from lorr_bench.outside import without_secrets
from lorr_bench.spec.load import resolved_yaml
from lorr_bench.spec.models import Suite

TEXTS: Final = frozenset((".md", ".csv", ".html", ".json", ".yaml", ".tex", ".svg"))
MIN_PARTS: Final = 3
"""Of a path that is looked for: ``/``, ``/root`` and the like stand in innocent texts."""


def portable_suite(suite: Suite) -> str:
    """The resolved suite as YAML, in which absolute paths are their last part, and secrets ``***``.

    Whoever runs it elsewhere names such a file or folder with ``--set``.
    """
    text = resolved_yaml(suite)
    for path in sorted(_paths(suite.model_dump(mode="json")), key=len, reverse=True):
        text = text.replace(path, PurePath(path).name)
    return without_secrets(text)


def refuse_local(folder: Path, places: Sequence[Path], variables: Mapping[str, str] = os.environ) -> None:
    """Refuse a folder in which a text names a place of this machine, or holds a secret.

    Args:
        folder: What is to be published.
        places: Folders of this machine.
        variables: The environment, some of whose values are secrets.

    Raises:
        DataError: A text does.
    """
    known = [str(place) for place in places if len(place.parts) >= MIN_PARTS]
    for file in sorted(path for path in folder.rglob("*") if path.suffix in TEXTS):
        text = file.read_text("utf-8")
        for place in known:
            if re.search(rf"{re.escape(place)}(?![\w-]|\.\w)", text):
                fix = "Take it out of the suite's texts, run or report again, then publish."
                raise DataError(f"names a place of this machine, {place}", where=file.name, fix=fix)
        if without_secrets(text, variables) != text:
            fix = "Take it out of the suite, change the secret, then publish."
            raise DataError("holds what looks like a secret", where=file.name, fix=fix)


def _paths(value: Any) -> Iterator[str]:
    """Absolute paths among the values of a suite."""
    if isinstance(value, str):
        if PurePath(value).is_absolute() and len(PurePath(value).parts) > 1:
            yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _paths(member)
    elif isinstance(value, list):
        for member in value:
            yield from _paths(member)
