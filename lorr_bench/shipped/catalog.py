"""Which suites come with the package, and what they need besides it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lorr_bench.plan.identity.origins import is_hub_source
from lorr_bench.spec.models import Suite

PACKAGED: Final = Path(__file__).parent.resolve()
SUITES: Final = (PACKAGED / "suites").resolve()
PUBLISHED_RESULTS: Final = (PACKAGED / "published" / "README.md").resolve()


def shipped_suites() -> dict[str, Path]:
    """The file of every shipped suite by its name, such as ``quickstart`` or ``paper/main_table``."""
    files = sorted(SUITES.rglob("*.yaml"))
    return {file.relative_to(SUITES).with_suffix("").as_posix(): file for file in files}


@dataclass(frozen=True)
class Need:
    """A model or data that does not come with the package.

    Attributes:
        key: Its place in the suite, as ``--set`` takes it.
        source: What the suite names: a path or a Hub id.
        from_hub: Whether the Hub has it; otherwise it is a file or folder of the user.
    """

    key: str
    source: str
    from_hub: bool


def needs(suite: Suite, folder: Path) -> tuple[Need, ...]:
    """What a suite reads besides the package.

    Args:
        suite: The suite.
        folder: Where its relative paths start.
    """
    outside = (named for named in _sources(suite) if named[1].partition("/")[0] != "nano")
    return tuple(
        Need(key, source, from_hub=is_hub_source(source, revision, folder))
        for key, source, revision in outside
    )


def _sources(suite: Suite) -> Iterator[tuple[str, str, str | None]]:
    """Key, source and revision of everything that a suite reads by path or Hub id."""
    yield "model.path", suite.model.path, suite.model.revision
    if collect := suite.data.collect:
        yield "data.collect.source", collect.source, collect.revision
        if scorer := collect.reward_model:
            yield "data.collect.reward_model.path", scorer.path, scorer.revision
    if pairs := suite.data.pairs:
        yield "data.pairs.source", pairs.source, pairs.revision
    for index, math in enumerate(suite.evaluation.math):
        yield f"evaluation.math.{index}.source", math.source, math.revision
