"""The settings of a model in words."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, BaseModel, Field

from lorr_bench.ports.settings import Setting, settings_of


class Section(BaseModel):
    """A section."""

    depth: int = Field(2, gt=0, le=9, validation_alias=AliasChoices("depth", "d"), description="how deep")


class Whole(BaseModel):
    """A model with a setting of each form."""

    rate: float = Field(gt=0, validation_alias=AliasChoices("rate", "lr", "eta"), description="how fast")
    form: Literal["round", "square"] = Field("round", description="what it looks like")
    sizes: tuple[int, ...] | None = Field(None, description="how large")
    section: Section | None = Field(default_factory=Section, description="more, or null")


def test_each_setting_has_name_type_default_and_meaning() -> None:
    assert settings_of(Whole) == (
        Setting("rate", "number > 0", None, True, "how fast", ("lr", "eta")),
        Setting("form", "round, square", "round", False, "what it looks like"),
        Setting("sizes", "list of whole number or null", None, False, "how large"),
        Setting("section", "mapping or null", {"depth": 2}, False, "more, or null"),
        Setting("section.depth", "whole number > 0 and \u2264 9", 2, False, "how deep", ("d",)),
    )
