"""Hyper-parameters of methods, with their defaults for models of 3B to 8B: one place for all backends.

A backend's settings of a method are these fields and what all its methods share.
"""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, Field


class ReferenceFields(BaseModel):
    """Hyper-parameters of a method that is tied to a reference model."""

    beta: float = Field(
        0.1,
        gt=0,
        description="strength of the tie to the reference. TRL's default; SimPO's README has 0.01 for DPO",
    )


class SmoothingFields(ReferenceFields):
    """Hyper-parameters of a method that takes some labels to be wrong."""

    label_smoothing: float = Field(0.1, ge=0, lt=0.5, description="ε, share of labels taken to be flipped")


class SimPOFields(BaseModel):
    """Hyper-parameters of SimPO; defaults are its authors' for Llama-3-8B-Instruct."""

    learning_rate: float = Field(1e-6, gt=0, description="peak learning rate. Published: 3e-7 to 1e-6")
    beta: float = Field(2.5, gt=0, description="scale of the reward. Published: 2 to 10")
    gamma_beta_ratio: float = Field(
        0.55, ge=0, description="target margin over beta, as papers quote it. Published: 0.1 to 0.8"
    )


class CPOFields(BaseModel):
    """Hyper-parameters of CPO."""

    beta: float = Field(0.1, gt=0, description="temperature of the preference loss. Published: 0.1")
    cpo_alpha: float = Field(1.0, ge=0, description="weight of its own term on the chosen response")


class ORPOFields(BaseModel):
    """Hyper-parameters of ORPO; defaults are its authors'."""

    learning_rate: float = Field(8e-6, gt=0, description="peak learning rate")
    beta: float = Field(
        0.1,
        gt=0,
        validation_alias=AliasChoices("beta", "orpo_lambda"),
        description="weight of the odds-ratio term, λ in the paper",
    )


class KTOFields(ReferenceFields):
    """Hyper-parameters of KTO."""

    desirable_weight: float = Field(1.0, gt=0, description="weight of wanted responses")
    undesirable_weight: float = Field(1.0, gt=0, description="weight of unwanted responses")


class ImitationFields(BaseModel):
    """Hyper-parameters of fine-tuning on responses."""

    learning_rate: float = Field(
        2e-5, gt=0, description="peak learning rate; TRL's default for fine-tuning all weights"
    )
