"""Whether data sets of the Hub are to be had: there, open to this user, with the asked subset and split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.data.rows import near_names
from lorr_bench.errors import DataError
from lorr_bench.plan.identity.hub_errors import hub_refusal
from lorr_bench.plan.kinds.answer_math import AnswerMath
from lorr_bench.plan.kinds.collect import SamplingStage
from lorr_bench.plan.kinds.evaluate_general import EvaluateGeneral
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.plan.plan import Plan

LOOK_UP_SECONDS: Final = 20.0
DEFAULT_SUBSET: Final = "default"
_PLAIN_SPLIT: Final = re.compile(r"\w+")
"""No slice or sum of splits."""


@dataclass(frozen=True)
class HubData:
    """A data set of the Hub, as a stage will ask for it.

    Attributes:
        name: Such as ``owner/name``.
        commit: 40 digits.
        where: Its place in the suite.
        split: Its split; None where a task of lm-eval asks for its own.
        subset: Its configuration; None for the only one.
    """

    name: str
    commit: str
    where: str
    split: str | None = None
    subset: str | None = None


def check_hub_data(plan: Plan) -> None:
    """Ask the Hub for the data sets of a plan.

    Args:
        plan: The plan. Where the Hub does not answer, it is not asked again, and nothing is refused.

    Raises:
        DataError: There is no such data set, commit, subset or split, or this user may not read it.
    """
    for data in dict.fromkeys(_data_sets(plan)):
        try:
            info = _ask(data)
        except Exception as error:
            refused = hub_refusal(error, "dataset", data.name, data.commit, data.where)
            if refused is None:
                return  # no network, a proxy, a time-out, a server's fault: of many libraries
            if _is_prepared(data):
                continue
            raise refused from error
        if data.split is not None:
            _check_subset(data, _configurations(info))


def _data_sets(plan: Plan) -> Iterator[HubData]:
    for stage in plan.stages:
        if isinstance(stage, ImportPairs) and (commit := stage.parameters.revision):
            asked = stage.parameters
            yield HubData(stage.setting.source, commit, "data.pairs", asked.split, asked.subset)
        elif isinstance(stage, SamplingStage | AnswerMath) and (
            commit := stage.parameters.prompts.rows.revision
        ):
            rows, place = stage.parameters.prompts.rows, "data.collect"
            where = place if isinstance(stage, SamplingStage) else "evaluation.math"
            yield HubData(stage.setting.source, commit, where, rows.split, rows.subset)
        elif isinstance(stage, EvaluateGeneral):
            for key, commit in (stage.parameters.data_sets or {}).items():
                if commit is not None:
                    yield HubData(key.partition("@")[0], commit, "evaluation.general")


def _is_prepared(data: HubData) -> bool:
    """Whether the library has prepared the data set on this machine: then it is loaded from there."""
    from datasets.config import HF_DATASETS_CACHE
    from datasets.naming import camelcase_to_snakecase

    owner, _, name = data.name.rpartition("/")
    folder = Path(HF_DATASETS_CACHE) / f"{owner}___{camelcase_to_snakecase(name)}"
    return any(folder.glob(f"{data.subset or '*'}/*/{data.commit}"))


def _ask(data: HubData) -> Any:
    """What the Hub says of a data set that this user may read."""
    from huggingface_hub import HfApi

    api = HfApi()
    info = api.dataset_info(data.name, revision=data.commit, timeout=LOOK_UP_SECONDS)
    if info.gated:
        api.auth_check(data.name, repo_type="dataset")
    return info


@dataclass(frozen=True)
class _Configuration:
    """What the card of a data set says of one of its configurations.

    Attributes:
        name: Its name.
        is_default: Whether it is taken where none is named.
        splits: Its splits; none where the card names none.
    """

    name: str
    is_default: bool
    splits: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any], *, alone: bool) -> _Configuration:
        """What stands in the card, which is text from outside."""
        name, files = str(values.get("config_name", DEFAULT_SUBSET)), values.get("data_files")
        each = [file for file in files if isinstance(file, Mapping)] if isinstance(files, list) else []
        splits = tuple(str(file["split"]) for file in each if "split" in file)
        return cls(name, alone or name == DEFAULT_SUBSET or bool(values.get("default")), splits)


def _configurations(info: Any) -> list[_Configuration]:
    card = info.card_data.to_dict() if info.card_data else {}
    named = card.get("configs")
    each = [values for values in named if isinstance(values, Mapping)] if isinstance(named, list) else []
    return [_Configuration.of(values, alone=len(each) == 1) for values in each]


def _check_subset(data: HubData, known: Sequence[_Configuration]) -> None:
    """Refuse a subset or split that the card does not have, where it names any."""
    asked = [one for one in known if (one.is_default if data.subset is None else one.name == data.subset)]
    if known and not asked:
        raise _unknown(data, "subset", data.subset, [one.name for one in known])
    splits = [split for one in asked for split in one.splits]
    if splits and data.split is not None and _PLAIN_SPLIT.fullmatch(data.split) and data.split not in splits:
        raise _unknown(data, "split", data.split, splits)


def _unknown(data: HubData, what: str, asked: str | None, known: list[str]) -> DataError:
    near = near_names(asked or "", known)
    fault = f"has no {what} {asked!r}" if asked else f"has several {what}s, and the suite names none"
    return DataError(
        f"the data set {data.name} {fault}",
        where=f"{data.where}.{what}",
        fix=f"{f'Did you mean {near[0]!r}? ' if near else ''}It has {', '.join(known)}.",
    )
