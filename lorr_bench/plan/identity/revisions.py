"""Names of the Hugging Face Hub, each resolved to one commit: once for a run, when it is planned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from lorr_bench.errors import DataError, ModelError
from lorr_bench.plan.identity.hub_errors import ERRORS, RepoType, hub_refusal

Source = Literal["the run's own file", "the Hub", "this machine's cache", "nowhere"]

DEFAULT: Final = "main"
COMMIT: Final = re.compile(r"[0-9a-f]{40}")
LOOK_UP_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Resolved:
    """What a name of the Hub stands for.

    Attributes:
        repo_type: Whether it names a model or a data set.
        name: Such as ``owner/name``.
        revision: As asked for: a branch or tag.
        commit: 40 digits; None where it is not known yet.
        source: Who said so.
    """

    repo_type: RepoType
    name: str
    revision: str
    commit: str | None
    source: Source

    @property
    def identity(self) -> str:
        """What stands for it in a digest; one that is not resolved is never run."""
        return f"{self.name}@{self.commit or f'{self.revision}, not resolved'}"

    @property
    def key(self) -> str:
        """What it is called in the run's file."""
        return f"{self.repo_type} {self.name}@{self.revision}"


@dataclass
class Revisions:
    """Resolves names of the Hub, each once.

    What a run began with counts before all else; then the Hub, if it may be asked and answers; then this
    machine's cache, where ``refs/<revision>`` says which commit the revision was when it was fetched.

    Attributes:
        known: Commits with which the run began, by ``Resolved.key``.
        ask: Whether the Hub may be asked.
        required: Whether a name without a commit is an error.
        reads_tasks: Whether lm-eval's own task files may be read, which takes seconds.
        notice: Told what takes a while.
        data_of_tasks: What they said, by version and tasks: data sets of the Hub with revision, and which of
            the tasks are groups.
    """

    known: Mapping[str, str] = field(default_factory=dict)
    ask: bool = False
    required: bool = False
    reads_tasks: bool = False
    notice: Callable[[str], None] = lambda _: None
    data_of_tasks: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)
    _found: dict[str, Resolved] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def resolve(self, repo_type: RepoType, name: str, revision: str | None, where: str) -> Resolved:
        """The commit of a name.

        Args:
            repo_type: Whether it names a model or a data set.
            name: Such as ``owner/name``.
            revision: Branch, tag or commit; ``main`` by default. A commit of 40 digits is what it says.
            where: Its place in the suite, for errors.

        Raises:
            ModelError: There is no such model, or its commit is required and can't be found out.
            DataError: The same of a data set.
        """
        asked = revision or DEFAULT
        if COMMIT.fullmatch(asked):
            return Resolved(repo_type, name, asked, asked, "nowhere")
        found = Resolved(repo_type, name, asked, None, "nowhere")
        if found.key not in self._found:
            self._found[found.key] = self._look_up(found, where)
        found = self._found[found.key]
        if found.commit is None and self.required:
            raise _not_known(found, where)
        return found

    def say_once(self, text: str) -> None:
        """Tell what takes a while, the first time."""
        if text not in self._said:
            self._said.add(text)
            self.notice(text)

    @property
    def resolved(self) -> tuple[Resolved, ...]:
        """All names that were looked up, in that order."""
        return tuple(self._found.values())

    def _look_up(self, named: Resolved, where: str) -> Resolved:
        for source, commit in self._sources(named, where):
            if commit is not None:
                return Resolved(named.repo_type, named.name, named.revision, commit, source)
        return named

    def _sources(self, named: Resolved, where: str) -> Iterator[tuple[Source, str | None]]:
        yield "the run's own file", self.known.get(named.key)
        if self.ask:
            yield "the Hub", _ask_the_hub(named, where)
        yield "this machine's cache", _cached_commit(named)


def check_commit(rows: Any, commit: str, where: str) -> None:
    """Refuse a data set that came from elsewhere than its commit on the Hub.

    Without a network, the library takes whatever commit it has prepared before, with a warning; and a folder
    of the data set's name hides it.

    Args:
        rows: A data set as the library loads it. Files prepared from the Hub lie under the commit's name.
        commit: Where it should come from.
        where: Its name, for the error.

    Raises:
        DataError: It does not.
    """
    prepared = getattr(rows, "cache_files", None) or []
    files = [file for part in prepared.values() for file in part] if isinstance(prepared, dict) else prepared
    for file in files:
        if commit not in Path(file["filename"]).parts:
            raise DataError(
                f"the data set was asked for at commit {commit}, but {file['filename']} was given",
                where=where,
                fix="Without a network, fetch that commit before on this machine; and start from a folder in "
                "which nothing has the name of the data set.",
            )


def _ask_the_hub(named: Resolved, where: str) -> str | None:
    """What the Hub says; None where it does not answer.

    Raises:
        ModelError: It says that there is no such model or revision, or that this user may not see it.
        DataError: The same of a data set.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi().repo_info(
            named.name, repo_type=named.repo_type, revision=named.revision, timeout=LOOK_UP_SECONDS
        )
    except Exception as error:
        refused = hub_refusal(error, named.repo_type, named.name, named.revision, where)
        if refused is not None:
            raise refused from error
        return None  # no network, a proxy, a time-out, a server's fault: of many libraries
    return info.sha


def _cached_commit(named: Resolved) -> str | None:
    """The commit that the Hub's own client noted when it fetched the revision."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE) / f"{named.repo_type}s--{named.name.replace('/', '--')}"
    try:
        commit = (folder / "refs" / named.revision).read_text("utf-8").strip()
    except (OSError, ValueError):
        return None
    return commit if COMMIT.fullmatch(commit) else None


def _not_known(named: Resolved, where: str) -> ModelError | DataError:
    kind = "" if named.repo_type == "model" else f" --repo-type {named.repo_type}"
    fix = (
        f"If a file or folder of this machine is meant, none is there. Else name a commit of 40 digits as "
        f"`revision`; or get a network; or fetch it before: "
        f"hf download {named.name}{kind} --revision {named.revision}"
    )
    what = f"the commit of {named.name}@{named.revision} is not known"
    return ERRORS[named.repo_type](
        f"{what}: the Hub does not answer, and nothing is cached", where=where, fix=fix
    )
