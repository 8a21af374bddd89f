"""The parts of LoRR for a trainer that is no part of a suite."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from lorr_bench.lorr.loop import Reset
from lorr_bench.plan.arms import lorr_parts
from lorr_bench.spec.methods import LorrPlugin


class LoRRConfig(LorrPlugin):
    """Replays, reset and SFT term: names, defaults and checks are those of ``type: lorr`` in a suite.

    ``docs/lorr.md`` has all of them. ``reset`` and ``sft`` are dictionaries, or None to leave the part out.
    The order of the rows is seeded by the trainer's ``data_seed``, else its ``seed``.

    Raises:
        ValueError: An unknown name, a value outside its range, or an option that only a suite has.
    """

    @model_validator(mode="after")
    def _without_a_suite(self) -> Self:
        if self.unique_pairs is not None:
            raise ValueError("unique_pairs is for suites: give train_dataset the rows to train on")
        if self.label_noise:
            raise ValueError("label_noise is for suites: swap the responses of rows in train_dataset")
        if self.rollout_ratio:
            raise ValueError("rollout_ratio needs answers and a grader: `lorr-bench run` has them")
        if self.reset is not None and self.reset.anchor == "init":
            raise ValueError("reset.anchor: `init` needs a second model: `lorr-bench run` makes it")
        if self.reset is not None and self.reset.period == "round":
            raise ValueError("reset.period: a trainer has one round; `lorr-bench run` has several")
        if self.reset is not None and self.reset.period == "begin":
            raise ValueError("reset.period: a trainer begins at its anchor, so `begin` changes nothing")
        if self.adaptive is not None:
            raise ValueError("adaptive needs pairs that are held out: `lorr-bench run` takes them")
        return self

    @property
    def sft_weights(self) -> tuple[float, ...]:
        """λ of every replay; the length is L."""
        return lorr_parts(self)[0]

    @property
    def loop_reset(self) -> Reset | None:
        """What is reset, and when."""
        planned = lorr_parts(self)[1]
        return None if planned is None else planned.of_loop
