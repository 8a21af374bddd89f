"""lm-eval on an engine that already runs: its own tasks and code, without a second copy of the model.

lm-eval builds its engine itself and asks for a package called ``vllm``. Both go through names in its modules,
so those names are exchanged while it looks, and put back.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import logging
import random
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import DataError, StageError
from lorr_bench.plan.identity.origins import digest_of_contents
from lorr_bench.plan.identity.revisions import COMMIT, DEFAULT, check_commit
from lorr_bench.plan.identity.task_data import FILE_READERS, HUB_FILE, files_read
from lorr_bench.plan.identity.task_files import check_task_files
from lorr_bench.tokens.chat import Chat
from lorr_bench.tokens.special import stop_token_ids

if TYPE_CHECKING:
    from vllm import LLM

NANO_TASKS: Final = Path(__file__).parents[1] / "data" / "nano" / "tasks"
MAX_NAME: Final = 120
ONE_BATCH: Final = 1 << 30  # requests handed to the engine together; it batches better than lm-eval


@dataclass(frozen=True)
class DataSource:
    """Where tasks take their data from.

    Attributes:
        commits: Of data sets of the Hub, by ``name@revision`` as the task files ask for them; no other is
            loaded.
        start: The folder from which relative paths count; None for the current one.
    """

    commits: tuple[tuple[str, str], ...]
    start: Path | None


@dataclass(frozen=True)
class PromptForm:
    """How questions are put to the model.

    Attributes:
        chat: What the model's chat template is told, in which questions are then written; None for bare text.
        system_instruction: Text before every question; in the chat template a system turn.
        fewshot_as_multiturn: Whether examples are turns of their own in the chat template.
    """

    chat: Chat | None = None
    system_instruction: str | None = None
    fewshot_as_multiturn: bool = False


BARE: Final = PromptForm()


@dataclass(frozen=True)
class LoadedTasks:
    """lm-eval's task objects, ready to be evaluated again and again.

    Attributes:
        manager: The index that they come from.
        objects: Tasks and groups, as lm-eval takes them.
        members: The tasks behind each asked name, in lm-eval's order.
        groups: Those of the asked names that are groups, by name.
        by_name: Every task by its own name.
        trusted: Whether their files may run code.
        source: Where their data come from; None for wherever lm-eval finds them.
    """

    manager: Any
    objects: tuple[Any, ...]
    members: dict[str, tuple[str, ...]]
    groups: dict[str, Any]
    by_name: dict[str, Any]
    trusted: bool
    source: DataSource | None = None


@contextmanager
def exchanged(module: ModuleType, **names: object) -> Iterator[None]:
    """Give module-level names other values for a while."""
    kept = {name: getattr(module, name) for name in names}
    try:
        for name, value in names.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in kept.items():
            setattr(module, name, value)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep warnings and progress bars of the loading of tasks off the screen."""
    from datasets import disable_progress_bars, enable_progress_bars
    from datasets.utils import are_progress_bars_disabled

    logger = logging.getLogger("lm_eval")
    level, had_bars = logger.level, not are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        if had_bars:
            enable_progress_bars()


@contextmanager
def own_random_state() -> Iterator[None]:
    """Put the global random states back, which lm-eval seeds."""
    import numpy as np
    import torch

    python, numpy, pytorch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(pytorch)


# Values hold their engine only weakly, so an engine that nobody else holds is freed with its entry.
_MODELS: weakref.WeakKeyDictionary[LLM, Any] = weakref.WeakKeyDictionary()


def harness_model(llm: LLM, model_path: Path) -> Any:
    """lm-eval's ``VLLM`` around a running engine; the same object for the same engine.

    Its ``cut_prompts`` are those that the evaluations since ``cut_prompts.clear()`` cut.

    Args:
        llm: The engine.
        model_path: Folder with the configuration and the tokenizer that the engine was started with.
    """
    if llm not in _MODELS:
        import vllm

        answer = functools.partial(_version, vllm.__version__)
        with exchanged(importlib.metadata, version=answer):  # asked while the module is imported
            module = importlib.import_module("lm_eval.models.vllm_causallms")
        with exchanged(module, version=answer, LLM=lambda **_: weakref.proxy(llm)):
            # Its own tokenizer must be the engine's, also beside Mistral's own files.
            _MODELS[llm] = _recording_cuts(module)(
                pretrained=str(model_path), tokenizer_mode="hf", batch_size=ONE_BATCH
            )
    return _MODELS[llm]


def _recording_cuts(module: ModuleType) -> Any:
    """lm-eval's ``VLLM`` that records the prompts it cuts, instead of a warning for each."""

    class RecordingVLLM(module.VLLM):  # type: ignore[misc, name-defined]
        __module__ = module.__name__  # where its progress bars are looked for

        def __init__(self, **options: Any) -> None:
            self.cut_prompts: set[tuple[int, ...]] = set()
            super().__init__(**options)

        def _loglikelihood_tokens(self, requests: Any, disable_tqdm: bool = False) -> Any:
            for _, prompt, choice in requests:
                if len(prompt) + len(choice) >= self.max_length:
                    self._record(prompt, len(choice) + 1)
            with exchanged(module, eval_logger=_SILENT):
                return super()._loglikelihood_tokens(requests, disable_tqdm=disable_tqdm)

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> Any:
            with exchanged(module, maybe_truncate=functools.partial(self._cut, module.maybe_truncate)):
                return super().generate_until(requests, disable_tqdm=disable_tqdm)

        def modify_gen_kwargs(self, *args: Any, **options: Any) -> Any:
            """lm-eval's own, which stops at the end-of-sequence token; other ends may have been trained."""
            wanted, until, max_tokens = super().modify_gen_kwargs(*args, **options)
            return {**wanted, "stop_token_ids": stop_token_ids(self.tokenizer)}, until, max_tokens

        def _cut(self, cut: Callable[..., Any], tokens: list[int], **options: Any) -> Any:
            if len(tokens) + options["max_gen_toks"] > self.max_length:
                self._record(tokens, options["max_gen_toks"])
            return cut(tokens, **{**options, "verbose": False})

        def _record(self, prompt: Sequence[int], answer_tokens: int) -> None:
            if answer_tokens >= self.max_length:
                raise StageError(
                    f"an answer may need {answer_tokens} tokens, the context has {self.max_length}",
                    where="lm-eval on this model",
                    fix="raise engine.max_model_len, or leave the task out",
                )
            self.cut_prompts.add(tuple(prompt))

    return RecordingVLLM


_SILENT: Final = logging.Logger("silent", logging.CRITICAL)
_installed_version = importlib.metadata.version


def _version(of_vllm: str, package: str) -> str:
    """The version of a package; vLLM's builds for other devices are installed under other names."""
    return of_vllm if package == "vllm" else _installed_version(package)


@functools.lru_cache(maxsize=32)
def load_tasks(
    names: tuple[str, ...],
    include_path: Path | None,
    num_fewshot: int | None,
    *,
    trusted: bool = True,
    source: DataSource | None = None,
) -> LoadedTasks:
    """Find and build tasks; once for each combination of arguments.

    Args:
        names: Tasks, groups or tags.
        include_path: Folder with further task files.
        num_fewshot: Only tells apart objects that lm-eval changes when it evaluates them.
        trusted: Whether the files in ``include_path`` may run code.
        source: Where their data come from; None for wherever lm-eval finds them.

    Raises:
        DataError: A name is unknown or no name for a file, a task is asked for twice, or its data can't be
            loaded; or a task file that is not trusted holds code.
    """
    del num_fewshot
    if include_path is not None and include_path.is_dir() and not trusted:
        check_task_files(include_path)
    with quietly(), nullcontext() if trusted else without_code(), taken_from(source):
        manager = _manager(names, include_path)
        objects: list[Any] = []
        groups: dict[str, Any] = {}
        by_name: dict[str, Any] = {}
        members: dict[str, tuple[str, ...]] = {}
        for name in names:
            loaded = _load(manager, name)
            members[name] = tuple(loaded["tasks"])
            _check_names(members[name])
            if repeated := sorted(set(by_name) & set(loaded["tasks"])):
                raise DataError(
                    f"asked for twice: {', '.join(repeated)}",
                    where=f"lm-eval task {name}",
                    fix="name it once",
                )
            by_name |= loaded["tasks"]
            if name in loaded["groups"]:
                groups[name] = loaded["groups"][name]
                objects.append(groups[name])
            else:
                objects += loaded["tasks"].values()
    return LoadedTasks(manager, tuple(objects), members, groups, by_name, trusted, source)


def _manager(names: Sequence[str], include_path: Path | None) -> Any:
    """The smallest index that holds all names: lm-eval's own takes seconds to build."""
    if include_path is not None and not include_path.is_dir():
        raise DataError("there is no such folder", where=str(include_path), fix="check `include_path`")
    for include_defaults in (False, True):
        manager = _index(include_path, include_defaults)
        unknown = [name for name in names if name not in manager.task_index]
        if not unknown:
            return manager
    near = difflib.get_close_matches(unknown[0], manager.all_tasks, n=3, cutoff=0.5)
    raise DataError(
        f"lm-eval has no task {unknown[0]!r}",
        where="lm-eval tasks",
        fix=f"did you mean {', '.join(near)}?" if near else "`lm_eval ls tasks` lists them",
    )


@functools.lru_cache(maxsize=8)
def _index(include_path: Path | None, include_defaults: bool) -> Any:
    from lm_eval.tasks import TaskManager

    folders = [NANO_TASKS] if include_path in (None, NANO_TASKS) else [NANO_TASKS, include_path]
    return TaskManager(include_path=folders, include_defaults=include_defaults)


def _check_names(tasks: Sequence[str]) -> None:
    """Refuse a task whose name would lead out of the folder that its answers are written to."""
    for name in tasks:
        if "/" in name or not name.isprintable() or len(name) > MAX_NAME:
            raise DataError(
                f"{name[:MAX_NAME]!r} is no name for a task",
                where="lm-eval tasks",
                fix=f"use letters, digits, - and _, at most {MAX_NAME}",
            )


@contextmanager
def without_code() -> Iterator[None]:
    """Let no task file run code: templates in a sandbox, and no metrics from the Hub, which are programs."""
    import lm_eval.api.task
    import lm_eval.utils
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    usual = lm_eval.utils.env
    sandbox = ImmutableSandboxedEnvironment(
        loader=usual.loader,
        undefined=usual.undefined,
        keep_trailing_newline=usual.keep_trailing_newline,
    )
    sandbox.filters.update(usual.filters)
    with (
        exchanged(lm_eval.utils, env=sandbox),
        exchanged(lm_eval.api.task, get_metric=_own_metric),
    ):
        yield


def _own_metric(name: str, hf_evaluate_metric: bool = False) -> Any:
    """lm-eval's ``get_metric`` for the metrics that are part of it."""
    from lm_eval.api.registry import METRIC_REGISTRY, get_metric

    importlib.import_module("lm_eval.api.metrics")  # registers them
    if hf_evaluate_metric or name not in METRIC_REGISTRY:
        raise DataError(
            f"lm-eval has no metric {name!r} of its own, and those of the Hub are programs",
            where="metric_list",
            fix="name one of lm-eval's; or, if you trust the task files, say `trust_remote_code: true`",
        )
    return get_metric(name)


@contextmanager
def taken_from(source: DataSource | None) -> Iterator[None]:
    """Let data sets be loaded at their commits alone, and files by their content."""
    if source is None:
        yield
        return
    import datasets

    load = functools.partial(_load_data, datasets.load_dataset, dict(source.commits))
    with exchanged(datasets, load_dataset=load), chdir(source.start) if source.start else nullcontext():
        yield


def _load_data(
    load: Callable[..., Any], commits: Mapping[str, str], path: str, *args: Any, **options: Any
) -> Any:
    if match := HUB_FILE.fullmatch(path):
        path, options = match["name"], {"revision": match["revision"], **options}
    if path in FILE_READERS or Path(path).is_dir():
        options = _at_commits({**options}, commits)
        if files := files_read(path, options):
            options["cache_dir"] = _cache_of(files, options.get("cache_dir"))
        return load(path, *args, **options)
    commit = _commit(path, options.get("revision"), commits)
    rows = load(path, *args, **{**options, "revision": commit})
    check_commit(rows, commit, path)
    return rows


def _commit(name: str, revision: str | None, commits: Mapping[str, str]) -> str:
    asked = revision or DEFAULT
    if found := asked if COMMIT.fullmatch(asked) else commits.get(f"{name}@{asked}"):
        return found
    raise DataError(
        f"the task loads the data set {name}, which its files do not name, so its commit is not known",
        where="lm-eval tasks",
        fix=f"name it beside `tasks`: `data_sets: {{{name}: {asked}}}`",
    )


def _at_commits(value: Any, commits: Mapping[str, str]) -> Any:
    """The value with a commit in every address of a file on the Hub."""
    if isinstance(value, str) and (match := HUB_FILE.match(value)):
        commit = _commit(match["name"], match["revision"], commits)
        return f"hf://datasets/{match['name']}@{commit}{value[match.end() :]}"
    if isinstance(value, dict):
        return {key: _at_commits(part, commits) for key, part in value.items()}
    return [_at_commits(part, commits) for part in value] if isinstance(value, list) else value


def _cache_of(files: Sequence[Path], cache_dir: str | None) -> str:
    """A cache folder for these contents: the library would know the files again by their time stamps."""
    from datasets.config import HF_DATASETS_CACHE

    return str(
        Path(cache_dir or HF_DATASETS_CACHE) / "by-content" / digest_of_contents(files, "lm-eval tasks")[:32]
    )


def _load(manager: Any, name: str) -> Any:
    try:
        return manager.load([name])
    except DataError:
        raise
    except Exception as error:  # building a task runs its own code and may download
        raise DataError(
            f"the task cannot be loaded: {type(error).__name__}: {error}",
            where=f"lm-eval task {name}",
            fix="check the task's files and, if it downloads its data, the network",
        ) from error


def run_harness(
    model: Any,
    tasks: LoadedTasks,
    *,
    num_fewshot: int | None,
    limit: int | None,
    seed: int,
    form: PromptForm = BARE,
) -> dict[str, Any]:
    """lm-eval's ``simple_evaluate``: its results, with samples.

    Args:
        model: Of ``harness_model``.
        tasks: What to evaluate.
        num_fewshot: Examples in the prompt; None leaves each task its own number.
        limit: The first questions of each task only.
        seed: Of all that lm-eval draws.
        form: How questions are put.

    Raises:
        DataError: A template of a task that is not trusted tried to leave its sandbox.
    """
    import lm_eval.api.metrics
    import lm_eval.api.model
    import lm_eval.api.task
    import lm_eval.evaluator
    from jinja2.exceptions import SecurityError

    model.cut_prompts.clear()
    _tell_template(model, form.chat)
    model_module = importlib.import_module(type(model).__module__)
    with ExitStack() as stack:
        stack.enter_context(own_random_state())
        if not tasks.trusted:
            stack.enter_context(without_code())
        stack.enter_context(taken_from(tasks.source))
        stack.enter_context(exchanged(lm_eval.evaluator, add_env_info=_environment))
        # Its bootstrap forks the process that holds the engine; means have their standard error without it.
        stack.enter_context(exchanged(lm_eval.api.metrics, bootstrap_stderr=lambda *_, **__: "N/A"))
        for module in (lm_eval.api.task, lm_eval.api.model, model_module):
            if hasattr(module, "tqdm"):
                stack.enter_context(exchanged(module, tqdm=_silent(module.tqdm)))
        try:
            results: dict[str, Any] = lm_eval.evaluator.simple_evaluate(
                model=model,
                tasks=list(tasks.objects),
                task_manager=tasks.manager,  # else it builds its own index each time
                num_fewshot=num_fewshot,
                limit=limit,
                system_instruction=form.system_instruction,
                apply_chat_template=form.chat is not None,
                fewshot_as_multiturn=form.fewshot_as_multiturn,
                cache_requests=False,
                random_seed=seed,
                numpy_random_seed=seed,
                torch_random_seed=seed,
                fewshot_random_seed=seed,
            )
        except SecurityError as error:
            raise DataError(
                f"a template reaches for more than its document: {error}",
                where="lm-eval tasks",
                fix="leave that out; or, if you trust the task files, say `trust_remote_code: true`",
            ) from error
    return results


def _tell_template(model: Any, chat: Chat | None) -> None:
    """Give lm-eval's model the arguments with which it calls the chat template."""
    if chat is not None:
        arguments = {**chat.arguments, "strftime_now": chat.today.strftime}
        model.enable_thinking = arguments.pop("enable_thinking", None)
        model.chat_template_args = arguments


def _silent(progress: Callable[..., Any]) -> Callable[..., Any]:
    def silent(*args: Any, **options: Any) -> Any:
        return progress(*args, **{**options, "disable": True})

    return silent


def _environment(results: dict[str, Any]) -> None:
    """What lm-eval adds about the machine, without the four seconds that its survey takes each time."""
    results.update(
        pretty_env_info="not collected here; the run's own record holds hardware and versions",
        transformers_version=importlib.metadata.version("transformers"),
        lm_eval_version=importlib.metadata.version("lm_eval"),
        upper_git_hash=None,
    )
