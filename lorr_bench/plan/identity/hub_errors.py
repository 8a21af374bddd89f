"""What the Hub says no to, in words: what is not to be had, where the suite names it, and what to do."""

from __future__ import annotations

from typing import Final, Literal

from lorr_bench.errors import DataError, ModelError

RepoType = Literal["model", "dataset"]

KINDS: Final[dict[RepoType, str]] = {"model": "model", "dataset": "data set"}
ERRORS: Final[dict[RepoType, type[ModelError] | type[DataError]]] = {
    "model": ModelError,
    "dataset": DataError,
}
REVISION: Final = ".revision"
FOLDERS: Final[dict[RepoType, str]] = {"model": "", "dataset": "datasets/"}
"""What stands before the name in the address of a page."""


def hub_refusal(
    error: Exception, repo_type: RepoType, name: str, revision: str | None, where: str
) -> ModelError | DataError | None:
    """The error to raise for one of the Hub's client; None where the Hub has not answered.

    Args:
        error: Of ``huggingface_hub``.
        repo_type: Whether a model or a data set was asked for.
        name: Such as ``owner/name``.
        revision: Branch, tag or commit that was asked for.
        where: Its place in the suite.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    kind, page = KINDS[repo_type], f"{constants.ENDPOINT}/{FOLDERS[repo_type]}{name}"
    if isinstance(error, GatedRepoError):
        what = f"the {kind} {name} is gated, and this user may not read it"
        fix = f"Accept its licence at {page}, then `hf auth login` with that account, or set HF_TOKEN."
    elif isinstance(error, RepositoryNotFoundError | HFValidationError):
        what = f"the Hub has no {kind} called {name}"
        fix = (
            f"Correct the name; of a private {kind}, `hf auth login` with an account that may read it. If a "
            "file or folder of this machine is meant, none is there."
        )
    elif isinstance(error, RevisionNotFoundError):
        what = f"the {kind} {name} has no revision {revision}"
        fix = f"Give a commit, branch or tag that {page}/tree/main lists under its branches and history."
    else:
        return None
    wrong_revision = isinstance(error, RevisionNotFoundError)
    return ERRORS[repo_type](what, where=where if wrong_revision else where.removesuffix(REVISION), fix=fix)
