"""Answers of the suite's vLLM engine in TRL's online trainers, in the place of TRL's own colocated engine.

TRL's engine has the type of the model's files, the number of its process as its seed, and on a CPU no way
to load weights. The suite's engine has the type and the seeds that collections have, was proven to hold the
model that training starts from, and is the one that evaluates: a process holds one engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trl.generation.vllm_generation import VLLMGeneration

from lorr_bench.generate.engine import Sampling

if TYPE_CHECKING:
    from lorr_bench.ports.trainer import Answering

Answers = tuple[Sequence[Sequence[int]], list[list[int]], list[list[list[float]]], None]
"""Prompts, answers and log-probabilities as TRL wants them, the last with one entry a place."""


class ColocatedEngine(VLLMGeneration):  # type: ignore[misc]
    """Draws the answers of a model in training, which it is given anew after each update.

    Args:
        trainer: TRL's, made.
        engine: Holds a model of the same shape.
        seed: Of the training.
    """

    def __init__(self, trainer: Any, engine: Answering, seed: int) -> None:
        self._engine = engine
        self._trainer = trainer
        self._seed = seed
        super().__init__(
            model=trainer.model, accelerator=trainer.accelerator, processing_class=trainer.processing_class
        )

    def _init_vllm(self) -> None:
        """There is an engine already."""

    def sync_weights(self) -> None:
        """Give the engine the weights of the model; a LoRA adapter is merged for the while."""
        self._engine.take(self._iter_named_params())

    def generate(self, prompts: Sequence[Sequence[int]], *, profiler: Any, **_: Any) -> Answers:
        """One answer to each prompt; then the engine sleeps, so that the update has the GPU.

        Args:
            prompts: Tokens of each, as often as it has answers.
            profiler: Entered while the engine answers.
        """
        if self._engine.sleeps:
            self.sync_weights()
        args, state = self._trainer.args, self._trainer.state
        sampling = Sampling(
            n=1,
            temperature=args.temperature,
            top_p=args.top_p,
            max_tokens=args.max_completion_length,
            seed=self._seed,
            purpose=f"training, step {state.global_step}",
        )
        with profiler:
            drawn = self._engine.draw(prompts, sampling)
        self._engine.sleep()
        logprobs = [[[value] for value in answer.logprobs] for answer in drawn]
        return prompts, [list(answer.tokens) for answer in drawn], logprobs, None


def draw_with(trainer: Any, engine: Answering, seed: int) -> None:
    """Let a trainer of TRL that was made without vLLM draw its answers with an engine.

    Args:
        trainer: A GRPOTrainer or RLOOTrainer.
        engine: Holds a model of the same shape.
        seed: Of the training.
    """
    trainer.use_vllm, trainer.vllm_mode = True, "colocate"
    trainer._last_loaded_step = -1  # of the update whose weights the engine has
    trainer.vllm_generation = ColocatedEngine(trainer, engine, seed)
