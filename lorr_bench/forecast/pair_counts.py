"""How many pairs a plan has to train on, as far as that is known before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lorr_bench.data.fitting import FittedPairs, fit_pairs
from lorr_bench.data.pairs import PairFile, load_pair_file, read_pairs
from lorr_bench.data.tokenizer_file import TokenizerFile
from lorr_bench.errors import DataError, ModelError
from lorr_bench.forecast.measured import newest_records, planned_stage
from lorr_bench.plan.identity.origins import is_hub_source
from lorr_bench.plan.kinds.answers.pairs import Collection, is_collection
from lorr_bench.plan.kinds.collect import SamplingStage
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.plan import Plan
from lorr_bench.stages.pairs.collect import BARE_STRINGS, chat_writer, shuffled_pairs
from lorr_bench.stages.training.selection import PAIRS_FILE, reasons
from lorr_bench.store.store import Store
from lorr_bench.values import MAX_TRUNCATED_SHARE, Pair

QUICK_BYTES: Final = 16 << 20
"""A file that is read where an answer is wanted at once."""


@dataclass(frozen=True)
class Known:
    """Pairs of a seed that are there already.

    Attributes:
        stage: That collects or imports them.
        pairs: In the order of the data budget, each once.
        file: The ready-made file, where they are read from it.
        truncated: Share of the answers they were made from that the token limit ended.
        in_template: Whether ready-made pairs were written in the chat template, as far as that is known.
    """

    stage: Collection | ImportPairs
    pairs: Sequence[Pair]
    file: PairFile | None = None
    truncated: float = 0.0
    in_template: bool = True


def pair_lines(plan: Plan, store: Store) -> Iterator[str]:
    """What a plan says of its pairs: how many there are, and what is left out and cut at each length.

    Args:
        plan: The plan.
        store: Where finished collections lie.

    Raises:
        DataError: A ready-made set has fewer usable pairs than the largest budget.
    """
    known = _known(plan, store)
    if known is None:
        yield "Pairs: what repeats, is left out or is cut at max_length is known after they are collected."
        if (line := extendable_line(plan, store)) is not None:
            yield line
        return
    yield _count_text(known)
    yield from _warnings(known)
    tokenizer = start_tokenizer(plan)
    if tokenizer is None:
        yield "What is left out or cut at max_length is known when training: no tokenizer.json is here."
        return
    budget = plan.suite.budget.unique_pairs[-1]
    for max_length, arms in arms_by_length(plan).items():
        fitted = fit_pairs(known.pairs, tokenizer, max_length, budget)
        _check(plan, known, len(fitted.pairs), reasons(fitted, max_length))
        yield f"{', '.join(arms)}: {_fit_text(fitted, max_length)}"
        held_out = max((arm.held_out_pairs for arm in plan.arms if arm.budgets[-1] == budget), default=0)
        beyond = fit_pairs(known.pairs[fitted.seen :], tokenizer, max_length, held_out).pairs
        _check_held_out(held_out, len(beyond))


def extendable_line(plan: Plan, store: Store) -> str | None:
    """How to keep the answers that another run of the suite collected for fewer prompts; None without such.

    Args:
        plan: The plan.
        store: Where finished collections lie.
    """
    whole = plan.first_asked
    if whole is None or "collection" in plan.first_pairs.inputs or store.read(whole) is not None:
        return None
    answered = max(_smaller_collections(whole, store), default=None)
    if answered is None:
        return None
    return (
        f"The store has the answers to the first {answered:,} of {whole.parameters.num_prompts:,} prompts: "
        f"`extends: [{answered}]` in data.collect keeps them; without it, all prompts are asked anew."
    )


def check_pairs(plan: Plan, store: Store | None = None) -> None:
    """Refuse a budget above the pairs of a ready-made set, where that can be told.

    Args:
        plan: The plan.
        store: Where finished stages lie; without one, only a small file is read, and nothing tokenized.

    Raises:
        DataError: There are fewer usable pairs than the largest budget.
    """
    if plan.suite.data.pairs is None:
        return
    if store is not None:
        for _ in pair_lines(plan, store):
            pass
        return
    stage = plan.first_pairs
    if isinstance(stage, ImportPairs) and _is_quick(Path(stage.setting.source)):
        known = _from_file(stage)
        _check(plan, known, len(known.pairs), [])


def _is_quick(file: Path) -> bool:
    return file.is_file() and file.stat().st_size <= QUICK_BYTES


def _check(plan: Plan, known: Known, usable: int, left_out: Sequence[str]) -> None:
    """A ready-made set is the same for all seeds; a collection of too few pairs is told when training."""
    budget = plan.suite.budget.unique_pairs[-1]
    if is_collection(known.stage) or usable >= budget:
        return
    repeated = f", {known.file.repeated} more repeat them" if known.file and known.file.repeated else ""
    why = f"; left out are {' and '.join(left_out)}" if left_out else ""
    longer = ", raise max_length in the methods' settings," if left_out else ""
    raise DataError(
        f"the budget is {budget} pairs, the set has {usable} usable ones{repeated}{why}",
        where="budget.unique_pairs",
        fix=f"Lower budget.unique_pairs{longer} or give a set with more pairs in data.pairs.",
    )


def _check_held_out(wanted: int, beyond: int) -> None:
    if beyond < wanted:
        raise DataError(
            f"{wanted} pairs are to be held out, and {beyond} usable ones are beyond the largest budget",
            where="plugins.*.adaptive.held_out_pairs",
            fix="Lower it or budget.unique_pairs, or give more pairs in `data`.",
        )


def _known(plan: Plan, store: Store) -> Known | None:
    stage = plan.first_pairs
    record = store.read(stage)
    if record is not None:
        metrics = record.outcome.metrics
        truncated: float = metrics.get("truncated_share", 0.0)
        in_template = bool(metrics.get("in_template", True))
        pairs = read_pairs(store.folder(stage) / PAIRS_FILE)
        return Known(stage, pairs, truncated=truncated, in_template=in_template)
    if not isinstance(stage, ImportPairs):
        return None
    on_hub = is_hub_source(stage.setting.source, stage.parameters.revision, Path())
    return None if on_hub or not _has_template(stage) else _from_file(stage)


def _has_template(stage: ImportPairs) -> bool:
    """Whether the tokenizer that conversations need is on this machine, where they may need one."""
    model = stage.template_model
    return model is None or _model_folder(model.path, model.revision).is_dir()


def _from_file(stage: ImportPairs) -> Known:
    file = load_pair_file(stage.file, Path(), chat_writer(stage))
    return Known(stage, shuffled_pairs(file.pairs, stage.parameters.seed), file, in_template=file.in_template)


def _count_text(known: Known) -> str:
    line = f"Pairs of seed {known.stage.parameters.seed}: {len(known.pairs):,}"
    if known.file is None:
        return f"{line}{_truncated_text(known.truncated)}."
    why = f" ({known.file.reasons})" if known.file.dropped else ""
    repeated, dropped = known.file.repeated, known.file.dropped
    return f"{line}; {repeated:,} rows repeat one before them, {dropped:,} are no pairs{why}."


def _warnings(known: Known) -> Iterator[str]:
    """What whoever trains on ready-made pairs should know, where that is more than their number."""
    stage = known.stage
    if (
        isinstance(stage, ImportPairs)
        and stage.template_model is not None  # else the plan tells
        and stage.setting.asked_in_template
        and not known.in_template
    ):
        yield f"Note: {BARE_STRINGS}"
    if known.file and known.file.unused_system:
        yield f"Note: {known.file.system_notice}"


def _truncated_text(share: float) -> str:
    if not share:
        return ""
    many = " (many: raise max_tokens, or see why the model does not stop)"
    return f"; {share:.1%} of the answers reached max_tokens{many if share > MAX_TRUNCATED_SHARE else ''}"


def _fit_text(fitted: FittedPairs, max_length: int) -> str:
    cut = sum(fitted.chosen_cut) + sum(fitted.rejected_cut)
    left_out = "".join(f"; left out: {reason}" for reason in reasons(fitted, max_length))
    pairs = len(fitted.pairs)
    return (
        f"{pairs:,} pairs fit max_length = {max_length}, {cut:,} of their {2 * pairs:,} responses are cut"
        f"{left_out}."
    )


def arms_by_length(plan: Plan) -> Mapping[int, list[str]]:
    """Names of arms by the length that they cut at, in tokens.

    Args:
        plan: The plan. Arms of methods without such a setting are left out.
    """
    found: dict[int, dict[str, None]] = {}
    for arm in plan.arms:
        for pairs in arm.budgets:
            max_length = arm.at(pairs).known_settings.max_length
            if max_length is not None:
                found.setdefault(max_length, {})[arm.name] = None
    return {length: list(arms) for length, arms in found.items()}


def start_tokenizer(plan: Plan) -> TokenizerFile | None:
    """The tokenizer of the start model, without its chat template; None where its files are not here.

    Args:
        plan: The plan.
    """
    place = next(stage.setting.place for stage in plan.stages if isinstance(stage, Train))
    try:
        return TokenizerFile(_model_folder(place.model_path, place.revision))
    except ModelError:
        return None


def _model_folder(path: str, revision: str | None) -> Path:
    """Where the tokenizer of a model lies; no folder where it is not on this machine."""
    folder = Path(path)
    if folder.is_dir():
        return folder
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(path, "tokenizer.json", revision=revision)
    return Path(found).parent if isinstance(found, str) else folder


def _smaller_collections(whole: SamplingStage, store: Store) -> Iterator[int]:
    """Prompts of those stages that differ from this one in nothing but a smaller number of them."""
    for record in newest_records(store.root, [whole.kind]):
        stage = planned_stage(record)
        if not isinstance(stage, SamplingStage) or stage.inputs != whole.inputs:
            continue
        prompts = stage.parameters.num_prompts
        if prompts < whole.parameters.num_prompts and whole.parameters == replace(
            stage.parameters, num_prompts=whole.parameters.num_prompts
        ):
            yield prompts
