"""Errors of validation: place, reason, nearest valid name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from lorr_bench.errors import SuiteError
from lorr_bench.spec.load import load_suite, model_errors

PATH = Path("s.yaml")


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = Field(1, description="how large")


class Left(BaseModel):
    model_config = ConfigDict(extra="forbid")
    side: Literal["left"] = "left"
    reach: int = 0


class Right(BaseModel):
    model_config = ConfigDict(extra="forbid")
    side: Literal["right"] = "right"
    grasp: int = 0


class Hyper(BaseModel):
    model_config = ConfigDict(extra="forbid")
    beta: float = Field(0.1, gt=0, validation_alias=AliasChoices("beta", "kl_coef"), description="strength")
    by_alias_only: int = Field(0, validation_alias="alias_name")
    loss: Literal["sigmoid", "hinge"] = "sigmoid"
    inner: Inner | None = None
    table: dict[str, Inner] = {}
    entries: tuple[Inner, ...] = ()
    fixed: tuple[int, Inner] | None = None
    either: int | list[int] = 0
    maybe: Inner | int = 0
    hand: Annotated[Left | Right, Field(discriminator="side")] | None = None
    hands: list[Annotated[Left | Right, Field(discriminator="side")]] = []
    code: str = Field("a", pattern="^a+$")
    anything: Any = None


def fault(values: Any, lines: dict[tuple[str | int, ...], int] | None = None) -> SuiteError:
    with pytest.raises(ValidationError) as caught:
        Hyper.model_validate(values)
    return model_errors(caught.value, lines or {}, PATH, Hyper, ("methods", "dpo"))


@pytest.mark.parametrize(
    ("values", "what", "fix"),
    [
        (
            {"bta": 1},
            "unknown key `methods.dpo.bta`",
            "did you mean `beta`? valid keys here: beta, alias_name, loss",
        ),
        ({"kl_coeff": 1}, "unknown key `methods.dpo.kl_coeff`", "did you mean `kl_coef`?"),
        (
            {"by_alias_only": 1},
            "unknown key `methods.dpo.by_alias_only`",
            "valid keys here: beta, alias_name",
        ),
        ({"zzz": 1}, "unknown key `methods.dpo.zzz`", "valid keys here: beta"),
        (
            {"inner": {"sise": 1}},
            "unknown key `methods.dpo.inner.sise`",
            "did you mean `size`? valid keys here: size",
        ),
        ({"table": {"a": {"sise": 1}}}, "unknown key `methods.dpo.table.a.sise`", "did you mean `size`?"),
        ({"entries": [{}, {"sise": 1}]}, "unknown key `methods.dpo.entries.1.sise`", "did you mean `size`?"),
        ({"fixed": [1, {"sise": 1}]}, "unknown key `methods.dpo.fixed.1.sise`", "did you mean `size`?"),
        (
            {"hand": {"side": "left", "rech": 1}},
            "unknown key `methods.dpo.hand.rech`",
            "did you mean `reach`?",
        ),
        (
            {"hand": {"side": "right", "reach": 1}},
            "unknown key `methods.dpo.hand.reach`",
            "keys here: side, grasp",
        ),
        (
            {"hands": [{"side": "left", "rech": 1}]},
            "unknown key `methods.dpo.hands.0.rech`",
            "did you mean `reach`?",
        ),
        (
            {"hand": {"side": "lefft"}},
            "`methods.dpo.hand` has the unknown type `lefft`",
            "did you mean `left`?",
        ),
        ({"hand": {}}, "`methods.dpo.hand` has no `side`", "one of: left, right"),
        ({"loss": "sigmoit"}, "`methods.dpo.loss` can't be 'sigmoit'", "did you mean `sigmoid`?"),
        ({"loss": 4}, "`methods.dpo.loss` can't be 4", "choose from: sigmoid, hinge"),
        (
            {"beta": -1},
            "`methods.dpo.beta`: input should be greater than 0, got -1",
            "`beta` means: strength",
        ),
        ({"beta": None}, "`methods.dpo.beta`: input should be a valid number, got nothing", "strength"),
        ({"inner": True}, "`methods.dpo.inner` should be a mapping, got true", "its keys are: size"),
        ({"table": [1]}, "`methods.dpo.table` should be a mapping, got a list", "write `name: value` lines"),
        (
            {"entries": {}},
            "`methods.dpo.entries` should be a list, got a mapping",
            "write `entries: [value, value]`",
        ),
        (
            {"hands": False},
            "`methods.dpo.hands` should be a list, got false",
            "write `hands: [value, value]`",
        ),
        ({"code": "b"}, "`methods.dpo.code`: string should match pattern '^a+$', got 'b'", ""),
        ({"beta": "x" * 99}, f"got '{'x' * 56}…", "strength"),
        (7, "`methods.dpo` should be a mapping, got 7", "its keys are: beta"),
    ],
)
def test_explains(values: Any, what: str, fix: str) -> None:
    error = fault(values)
    assert what in error.what
    assert fix in error.fix
    assert error.where == "s.yaml:1"


def test_both_names_of_a_field() -> None:
    error = fault({"beta": 1, "kl_coef": 2})
    assert error.what == "`methods.dpo.kl_coef` is another name of `beta`, which is given too"


def test_steps_into_unions_are_no_keys() -> None:
    error = fault({"either": "x", "maybe": {"sise": 1}})
    assert "`methods.dpo.either`: input should be a valid integer" in error.what
    assert "`methods.dpo.either` should be a list, got 'x'" in error.what
    assert "unknown key `methods.dpo.maybe.sise`; did you mean `size`?" in error.what
    assert "list[int]" not in error.what


def test_a_list_is_not_too_short_for_a_fault_in_its_entry() -> None:
    class Needs(BaseModel):
        seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1, description="one a run")

    def refuse(seeds: list[int]) -> SuiteError:
        with pytest.raises(ValidationError) as caught:
            Needs.model_validate({"seeds": seeds})
        return model_errors(caught.value, {}, PATH, Needs)

    assert refuse([-1]).what == "`seeds.0`: input should be greater than or equal to 0, got -1"
    assert refuse([-1]).fix == "`seeds` means: one a run"
    assert "`seeds`: tuple should have at least 1 item" in refuse([]).what


def test_missing_says_what_it_is() -> None:
    class Needs(BaseModel):
        steps: int = Field(description="updates")

    with pytest.raises(ValidationError) as caught:
        Needs.model_validate({})
    error = model_errors(caught.value, {("x",): 4}, PATH, Needs, ("x",))
    assert (error.where, error.what, error.fix) == (
        "s.yaml:4",
        "`x.steps` is missing",
        "add `steps: …` (updates)",
    )


def test_lines_are_the_nearest_known() -> None:
    lines = {
        ("methods",): 2,
        ("methods", "dpo"): 3,
        ("methods", "dpo", "hand"): 5,
        ("methods", "dpo", "hand", "rech"): 7,
    }
    assert fault({"hand": {"side": "left", "rech": 1}}, lines).where == "s.yaml:7"
    assert fault({"hand": {"side": "left", "reach": "x"}}, lines).where == "s.yaml:5"
    assert fault({"bta": 1}, lines).where == "s.yaml:3"


def test_all_faults_are_in_one_error_in_the_order_of_lines() -> None:
    lines = {("methods", "dpo", "loss"): 2, ("methods", "dpo", "beta"): 9}
    error = fault({"beta": -1, "loss": "x"}, lines)
    first, second, third = error.what.splitlines()
    assert (error.where, first) == ("s.yaml", "2 errors")
    assert second.startswith("  s.yaml:2: `methods.dpo.loss` can't be 'x'; choose from:")
    assert third.startswith("  s.yaml:9: `methods.dpo.beta`: ")


def test_a_flood_of_faults_is_cut() -> None:
    error = fault({f"k{i}": 0 for i in range(200)})
    assert error.what.splitlines()[0] == "200 errors"
    assert error.what.splitlines()[-1] == "  and 150 more"
    assert len(error.what.splitlines()) == 52


def test_names_in_a_suite(write_suite: Callable[..., Path]) -> None:
    path = write_suite("num_prompts: 100", "num_promts: 100\n    num_generation: 2")
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    lines = caught.value.what.splitlines()
    assert lines[0] == "3 errors"
    assert lines[1].startswith(
        f"  {path}:5: `data.collect.num_prompts` is missing; add `num_prompts: …` (prompts asked"
    )
    assert lines[2].startswith(
        f"  {path}:7: unknown key `data.collect.num_promts`; did you mean `num_prompts`"
    )
    assert lines[3].startswith(
        f"  {path}:8: unknown key `data.collect.num_generation`; did you mean `num_generations`"
    )


def test_an_alias_is_accepted_and_one_name_only(write_suite: Callable[..., Path]) -> None:
    suite = load_suite(write_suite("num_prompts: 100", "num_prompts: 100\n    num_generations: 2")).suite
    assert suite.data.collect is not None
    assert suite.data.collect.num_samples == 2
    with pytest.raises(
        SuiteError, match=r"`data\.collect\.num_generations` is another name of `num_samples`"
    ):
        load_suite(
            write_suite("num_prompts: 100", "num_prompts: 100\n    num_generations: 2\n    num_samples: 3")
        )
