"""Hyper-parameters: what changes results, and what only says where things lie."""

import pytest
from pydantic import BaseModel, Field

from lorr_bench.ports.trainer import split_places


class Settings(BaseModel):
    beta: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    folder: str | None = Field(None, json_schema_extra={"place": True})
    other: int = Field(3, json_schema_extra={"place": False, "unit": "m"})


@pytest.mark.parametrize("folder", [None, "/somewhere"])
def test_places_are_told_apart_from_what_changes_results(folder):
    outcome, places = split_places(Settings(folder=folder))
    assert outcome == {"beta": 0.1, "betas": [0.9, 0.999], "other": 3}
    assert places == {"folder": folder}
