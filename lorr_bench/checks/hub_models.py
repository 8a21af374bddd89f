"""Whether models of the Hub are to be had: there, open to this user, with weights that are ever loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import ModelError
from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.plan.plan import Plan

LOOK_UP_SECONDS: Final = 20.0
WEIGHTS: Final = ".safetensors"


def check_hub_models(plan: Plan) -> None:
    """Ask the Hub for the models of a plan that are not on this machine.

    Args:
        plan: The plan. Where the Hub does not answer, nothing is refused.

    Raises:
        ModelError: There is no such model or commit, this user may not read it, or it has no safetensors.
    """
    for name, commit, where in _models(plan):
        if not _is_here(name, commit):
            _check(name, commit, where)


def _models(plan: Plan) -> Iterator[tuple[str, str | None, str]]:
    """Name, commit and place in the suite of each model of the Hub."""
    if not Path(plan.model.path).is_dir():
        yield plan.model.path, plan.model.commit, "model.path"
    places = (stage.setting.reward_model for stage in plan.stages if isinstance(stage, Collect))
    scorer = next((place for place in places if place is not None), None)
    if scorer is not None and not Path(scorer.path).is_dir():
        yield scorer.path, scorer.revision, "data.collect.reward_model.path"


def _is_here(name: str, commit: str | None) -> bool:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json", revision=commit)
    return isinstance(found, str) and any(Path(found).parent.glob(f"*{WEIGHTS}"))


def _check(name: str, commit: str | None, where: str) -> None:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        files = _files(name, commit)
    except GatedRepoError as error:
        fix = f"Accept its licence at https://huggingface.co/{name}, then `hf auth login` with that account."
        raise ModelError(f"{name} is gated, and this user may not read it", where=where, fix=fix) from error
    except RepositoryNotFoundError as error:
        fix = "Correct the name; of a private model, `hf auth login` with an account that may read it."
        raise ModelError(f"the Hub has no model called {name}", where=where, fix=fix) from error
    except RevisionNotFoundError as error:
        fix = "Give a commit, branch or tag that its page lists under Files and versions."
        raise ModelError(f"{name} has no revision {commit}", where=where, fix=fix) from error
    except Exception:  # noqa: BLE001 - no network, a proxy, a time-out, a server's fault: of many libraries
        return
    if not any(file.endswith(WEIGHTS) for file in files):
        raise ModelError(
            f"{name} has no *{WEIGHTS}; pickled weights (pytorch_model.bin) are never loaded",
            where=where,
            fix="Take a revision with safetensors, such as an open pull request of "
            "the Hub's converter; or load it once where you trust it, save_pretrained, and name that folder.",
        )


def _files(name: str, commit: str | None) -> list[str]:
    """Names of the files of a model that this user may read."""
    from huggingface_hub import HfApi

    api = HfApi()
    info: Any = api.model_info(name, revision=commit, timeout=LOOK_UP_SECONDS)
    if info.gated:
        api.auth_check(name)
    return [file.rfilename for file in info.siblings or ()]
