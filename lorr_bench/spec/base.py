"""What all parts of a suite have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, description="lower-case letters, digits, - and _")]


class Model(BaseModel):
    """Base: frozen, no unknown keys, finite numbers."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        allow_inf_nan=False,
    )


def switched(value: Any) -> Any:
    """What a section says that can be switched: None for `off`, its defaults for `on`, else what it holds.

    YAML 1.1 reads `off` as false and `on` as true; YAML 1.2 and JSON leave them text.
    """
    if value is False or value == "off":
        return None
    return {} if value is True or value == "on" else value


def rising(budgets: tuple[int, ...]) -> tuple[int, ...]:
    """Data budgets that rise without repeats; others are refused."""
    if list(budgets) != sorted(set(budgets)):
        raise ValueError("must rise, without repeats")
    return budgets
