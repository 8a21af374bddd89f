"""Methods, and the plug-ins that they are combined with."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from lorr_bench.spec.base import Model, rising, switched
from lorr_bench.spec.diagnosis import nearest


class IterativeSpec(Model):
    """Several rounds: each draws answers from the policy that the round before left, and trains on them."""

    rounds: int = Field(gt=1, le=100, description="T. Published: 3")
    temperature: tuple[Annotated[float, Field(gt=0, le=5)], ...] | None = Field(
        None, description="sampling temperature of every round; data.collect.temperature by default"
    )
    reference: Literal["round", "start"] = Field(
        "round",
        description="reference policy: that at the start of the round, or θ₀. Not in the record: ours",
    )
    prompts: Literal["split", "reuse"] = Field(
        "split",
        description="`split`: a share of prompts and pairs for each round, so that all rounds cost what one "
        "does; `reuse`: all prompts and the full number of pairs in every round",
    )

    @model_validator(mode="after")
    def _temperature_of_each(self) -> Self:
        if self.temperature is not None and len(self.temperature) != self.rounds:
            raise ValueError(f"temperature has {len(self.temperature)} entries for {self.rounds} rounds")
        return self


class PrimingSpec(Model):
    """Heavy priming: many passes over the first rows of the data, before the training of each arm."""

    unique_pairs: int = Field(gt=0, description="pairs to prime on, the first ones of every data budget")
    replays: int = Field(gt=0, le=1000, description="passes over them")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="hyper-parameters of the priming that are not the method's own; those of `overrides` "
        "never count for it, so that all arms of a method begin with one priming",
    )


class MethodSpec(BaseModel):
    """A method and its hyper-parameters; the adapter checks the names it does not know here."""

    model_config = ConfigDict(frozen=True, extra="allow")

    like: str | None = Field(
        None,
        description="an earlier method of this suite, whose settings and plug-ins count here too where "
        "nothing else is said; its adapter, rounds and priming do not",
    )
    adapter: str | None = Field(None, description="registered method; this method's own name by default")
    backend: str | None = Field(
        None, description="what trains it: `trl`, `native`, `llamafactory`, …; the first of these that has it"
    )
    plugins: tuple[str, ...] | None = Field(
        None, min_length=1, description="plug-ins to combine it with; all by default"
    )
    iterative: IterativeSpec | None = Field(None, description="several rounds instead of one")
    priming: PrimingSpec | None = Field(
        None,
        description="a training of its own on the first pairs, from whose weights every arm begins. The "
        "reference and the anchor `start` stay θ₀; it is charged to each arm",
    )

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the adapter receives."""
        return dict(self.__pydantic_extra__ or {})


RESET_PRESETS: dict[str, str] = {
    "o_proj": r"\.o_proj\.",
    "down_proj": r"\.down_proj\.",
    "downstream": r"\.(o_proj|down_proj)\.",
    "attention": r"\.(q_proj|k_proj|v_proj|o_proj)\.",
    "mlp": r"\.(gate_proj|up_proj|down_proj)\.",
    "full_layers": r"\.layers\.\d+\.",
    "all": r".",
}


class ResetSpec(Model):
    """Shrink and perturb, after every replay but the last: θ ← α·θ + (1-α)·θ_anchor."""

    factor: float = Field(
        0.5,
        ge=0,
        le=1,
        validation_alias=AliasChoices("factor", "alpha"),
        description="α; 1 keeps the weights, 0 restores the anchor. Published: 0.5",
    )
    tensors: str = Field(
        "downstream",
        description="`o_proj`, `down_proj`, `downstream` (both), `attention`, `mlp`, `full_layers` "
        "(published as harmful), `all` (embeddings, norms and head too), or a regular expression searched in "
        "parameter names. "
        "The record says 'downstream projections'; one source says o_proj alone",
    )
    anchor: Literal["start", "round", "init"] = Field(
        "start",
        description="`start`: θ₀; `round`: the policy at the start of the round; `init`: a fresh random "
        "initialisation (Ash & Adams 2020). The record reuses the initial data; the anchor is our choice",
    )
    period: Literal["replay", "round", "begin", "end"] | Annotated[int, Field(gt=0)] = Field(
        "replay",
        description="`replay`: after every replay but the last; `round`: after every round but the last; "
        "`begin`: once, before the first replay, of weights that were trained before (primed, or of a later "
        "round); `end`: once, after the last replay, which is shrinkage alone; a number: after so many "
        "optimizer steps. The record has it inside the loop, and calls it periodic",
    )
    optimizer_state: Literal["clear", "keep"] = Field(
        "clear", description="optimizer moments of the reset tensors. Not in the record: our choice"
    )

    @field_validator("tensors")
    @classmethod
    def _compiles(cls, tensors: str) -> str:
        try:
            re.compile(tensors)
        except re.error as error:
            raise ValueError(f"is neither a preset nor a regular expression ({error})") from error
        return tensors

    @property
    def pattern(self) -> str:
        """The regular expression to search in parameter names."""
        return RESET_PRESETS.get(self.tensors, self.tensors)


class SftSpec(Model):
    """The SFT term of the hybrid objective, λ of replay ℓ of L."""

    schedule: Literal["linear", "from_zero", "constant"] = Field(
        "linear",
        description="`linear`: cap·ℓ/L; `from_zero`: cap·(ℓ-1)/(L-1); `constant`: cap. "
        "The record says that λ rises and tops out at 0.5; the form is our choice",
    )
    cap: float = Field(
        0.5,
        ge=0,
        validation_alias=AliasChoices("cap", "sft_weight", "pref_ftx"),
        description="largest λ. Published: 0.5",
    )
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        None, description="λ of every replay, one a replay; replaces schedule and cap"
    )


class AdaptiveSpec(Model):
    """Resets and an end that a signal decides on at every replay. Ours: the paper has nothing like it."""

    signal: Literal[
        "held_out_logp_chosen", "held_out_margin", "held_out_accuracy", "held_out_effective_rank"
    ] = Field(
        "held_out_logp_chosen",
        description="measured on the held-out pairs at the start and at the end of each replay, before its "
        "reset; higher is better",
    )
    held_out_pairs: int = Field(
        64,
        ge=1,
        description="the first usable pairs beyond the data budget, which are measured and not trained on; "
        "what collecting them took is charged",
    )
    reset: Literal["always", "below_start", "below_last"] = Field(
        "below_last",
        description="reset after each replay, or only where the signal is below that of the start, or of the "
        "replay before. Chosen on tuning seeds (docs/lorr.md)",
    )
    scale: float | None = Field(
        None,
        gt=0,
        description="fall of the signal, in its unit, at which a reset has its full strength: "
        "max(α, 1 - (1-α)·fall / scale) in place of α; α by default",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="replays in a row without a new best of the signal after which training ends; it never "
        "ends early by default",
    )

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if self.reset == "always" and self.scale is not None:
            raise ValueError("scale: `reset: always` knows no fall; say below_start or below_last")
        if self.reset == "always" and self.patience is None:
            raise ValueError("nothing is decided: say when to reset, or a patience")
        if self.reset == "below_start" and self.signal == "held_out_accuracy":
            raise ValueError("held_out_accuracy is 0 at the start and never below: say `reset: below_last`")
        return self


class AnyPlugin(Model):
    """What every plug-in can say."""

    unique_pairs: tuple[Annotated[int, Field(gt=0)], ...] | None = Field(
        None,
        min_length=1,
        description="data budgets of the suite that its arms are trained at; all by default. A control may "
        "do with the largest",
    )
    label_noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of training pairs whose two responses are swapped, drawn for each pair by seed "
        "and id; a smaller share is a subset of a larger one. Diagnostics see all pairs as they are",
    )

    @field_validator("unique_pairs")
    @classmethod
    def _in_order(cls, budgets: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return None if budgets is None else rising(budgets)


class PlainPlugin(AnyPlugin):
    """The method as it is: one pass, no reset, no SFT term."""

    type: Literal["plain"] = "plain"


class LorrPlugin(AnyPlugin):
    """LoRR; each part can be switched off alone (`replays: 1`, `reset: off`, `sft: off`)."""

    type: Literal["lorr"] = "lorr"
    replays: int = Field(3, ge=1, le=1000, description="L, passes over the same pairs. Published: 3")
    reset: ResetSpec | None = Field(default_factory=ResetSpec, description="shrink and perturb, or `off`")
    sft: SftSpec | None = Field(default_factory=SftSpec, description="hybrid objective, or `off`")
    rollout_ratio: float = Field(
        0.0,
        ge=0,
        le=1,
        validation_alias=AliasChoices("rollout_ratio", "rho"),
        description="ρ: share of rows, drawn anew for each replay after the first, whose responses are "
        "sampled from the current policy; they are charged. The record gives no value: ours is 0",
    )

    adaptive: AdaptiveSpec | None = Field(
        None, description="resets, and an end, by a signal measured at every replay; off by default, ours"
    )

    @field_validator("reset", "sft", "adaptive", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return switched(value)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.sft and self.sft.weights is not None and len(self.sft.weights) != self.replays:
            raise ValueError(f"sft.weights has {len(self.sft.weights)} entries for {self.replays} replays")
        return self

    @model_validator(mode="after")
    def _adaptive_fits(self) -> Self:
        if self.adaptive is None:
            return self
        if self.replays == 1:
            raise ValueError("adaptive decides between replays: raise replays")
        if self.rollout_ratio:
            raise ValueError("adaptive: rollouts are planned before it decides; set rollout_ratio: 0")
        if self.reset is None and self.adaptive.reset != "always":
            raise ValueError("adaptive.reset: there is no reset to decide on; set it to always")
        if self.reset is not None and self.reset.period != "replay":
            raise ValueError("adaptive decides at the end of a replay: set reset.period: replay")
        return self


Plugin = Annotated[PlainPlugin | LorrPlugin, Field(discriminator="type")]


NOT_SHARED: Final = ("like", "adapter", "iterative", "priming")
"""What a method that is like another has of its own."""


def with_settings_of(earlier: dict[str, Any], name: str, method: Any) -> Any:
    """The method, with the settings of the one it is like."""
    if not isinstance(method, dict) or method.get("like") is None:
        return method
    model = earlier.get(method["like"]) if isinstance(method["like"], str) else None
    if not isinstance(model, dict):
        hint = nearest(str(method["like"]), earlier)
        raise ValueError(f"{name} is like {method['like']}, which is no earlier method; {hint}".rstrip("; "))  # noqa: TRY004
    shared = {key: value for key, value in model.items() if key not in NOT_SHARED}
    return {**shared, **method}
