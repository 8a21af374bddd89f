"""Whether models of the Hub are to be had: there, open to this user, and whole, as safetensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import ModelError
from lorr_bench.plan.identity.hub_errors import hub_refusal
from lorr_bench.plan.identity.hub_model import folder_here, is_fetched
from lorr_bench.plan.identity.model_files import (
    ADAPTER_FAULT,
    ADAPTER_FILE,
    ADAPTER_FIX,
    WEIGHTS,
    missing_part,
)
from lorr_bench.plan.kinds.answers.score import Score
from lorr_bench.plan.plan import Plan

LOOK_UP_SECONDS: Final = 20.0


def check_hub_models(plan: Plan) -> None:
    """Ask the Hub for the models of a plan that are not on this machine.

    Args:
        plan: The plan. Where the Hub does not answer, nothing is refused.

    Raises:
        ModelError: There is no such model or commit, this user may not read it, it is no whole model or an
            adapter of another, or it has no safetensors.
    """
    for name, commit, where in _models(plan):
        if folder_here(name, commit) is None:
            _check(name, commit, where)


def _models(plan: Plan) -> Iterator[tuple[str, str | None, str]]:
    """Name, commit and place in the suite of each model of the Hub."""
    if not Path(plan.model.path).is_dir():
        yield plan.model.path, plan.model.commit, "model.path"
    scorer = next((stage.setting.place for stage in plan.stages if isinstance(stage, Score)), None)
    if scorer is not None and not Path(scorer.model_path).is_dir():
        yield scorer.model_path, scorer.revision, "data.collect.reward_model.path"


def _check(name: str, commit: str | None, where: str) -> None:
    try:
        files = _files(name, commit)
    except Exception as error:
        refused = hub_refusal(error, "model", name, commit, where)
        if refused is not None:
            raise refused from error
        return  # no network, a proxy, a time-out, a server's fault: of many libraries
    beside = {file for file in files if is_fetched(file) and "/" not in file}
    if (missing := missing_part(beside)) is not None:
        raise ModelError(f"the model {name} has no {missing}", where=where, fix=_advice(missing))
    if ADAPTER_FILE in beside:
        raise ModelError(f"the model {name} {ADAPTER_FAULT}", where=where, fix=ADAPTER_FIX)


def _advice(missing: str) -> str:
    if WEIGHTS in missing:
        return (
            "Take a revision with safetensors, such as an open pull request of the Hub's converter; or load "
            "it once where you trust it, save_pretrained, and name that folder."
        )
    return "Name a repository of a whole model in Hugging Face form, tokenizer included."


def _files(name: str, commit: str | None) -> list[str]:
    """Names of the files of a model that this user may read."""
    from huggingface_hub import HfApi

    api = HfApi()
    info: Any = api.model_info(name, revision=commit, timeout=LOOK_UP_SECONDS)
    if info.gated:
        api.auth_check(name)
    return [file.rfilename for file in info.siblings or ()]
