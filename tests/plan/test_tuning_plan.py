"""A suite that is tuned: its tries, the settings that follow from them, and what waits for these."""

import copy
import json

import pytest

from lorr_bench.errors import BudgetError, SuiteError
from lorr_bench.plan.plan import make_plan
from lorr_bench.values import NOT_RUN, START, Try

TUNING = {
    "seeds": [100],
    "grid": {"beta": [0.5, 2]},
    "benchmark": {"name": "validation", "source": "nano/validation", "limit": 9, "max_tokens": 32},
}


@pytest.fixture
def tuned(load, values):
    """Load the small suite with a tuning, some keys of which are replaced."""

    def write(tuning=None, **changes):
        return load({**values, "tuning": {**copy.deepcopy(TUNING), **(tuning or {})}, **changes})

    return write


def choosing(*places):
    """What looks up tries: the one at such a place is the best, for each search in turn."""

    def choose(tries):
        names = [(search.arm.name, search.unique_pairs) for search in tries.searches]
        best = dict(zip(names, places, strict=True))
        return tries.tuning(
            lambda search, place: Try(
                search.tries[place], (float(place == best[search.arm.name, search.unique_pairs]),)
            )
        )

    return choose


def searches(plan):
    return {(each.arm.name, each.unique_pairs): [dict(t) for t in each.tries] for each in plan.tries.searches}


def digests(plan):
    return {stage.digest for stage in plan.stages}


def test_every_arm_and_budget_has_its_tries(tuned):
    plan = make_plan(tuned())
    tries = [{"beta": 0.5}, {"beta": 2}]
    arms = ("dpo+plain", "dpo+lorr", "dpo+no_reset")
    assert searches(plan) == {(arm, pairs): tries for arm in arms for pairs in (8, 16)}
    assert {point.seed for point in plan.tries.plan.training} == {100}
    assert len(plan.tries.plan.training) == 3 * 2 * 2


def test_nothing_but_the_validation_problems_is_answered_by_the_tries(tuned):
    tries = make_plan(tuned()).tries.plan
    assert {evaluation.benchmark for evaluation in tries.evaluations} == {"validation"}
    assert START not in {evaluation.point for evaluation in tries.evaluations}
    assert {stage.kind for stage in tries.stages} == {
        "fingerprint", "collect", "reference", "train", "answer_math", "grade_math",
    }  # fmt: skip
    sources = {stage.setting.source for stage in tries.stages if stage.kind == "answer_math"}
    assert sources == {"nano/validation"}


def test_a_method_goes_without_what_it_does_not_have(tuned):
    methods = {"dpo": {}, "sft": {}}
    grid = {"beta": [0.5, 2], "learning_rate": [1e-4, 2e-4]}
    found = searches(make_plan(tuned({"grid": grid}, methods=methods, plugins={"plain": {}})))
    assert len(found["dpo+plain", 8]) == 4
    assert found["sft+plain", 8] == [{"learning_rate": 1e-4}, {"learning_rate": 2e-4}]


def test_a_method_with_nothing_to_try_keeps_what_the_suite_says(tuned):
    plan = make_plan(tuned(methods={"dpo": {}, "sft": {}}, plugins={"plain": {}}))
    assert {arm for arm, _ in searches(plan)} == {"dpo+plain"}
    waiting = {plan.training[point] in plan.pending for point in plan.training if point.arm == "sft+plain"}
    assert waiting == {False}


def test_what_an_override_fixes_is_not_tried(tuned):
    grid = {"beta": [0.5, 2], "learning_rate": [1e-4, 2e-4]}
    overrides = {
        "dpo+lorr": {"beta": 1},
        "dpo+plain@8": {"learning_rate": 5e-5},
        "dpo+no_reset": {**dict.fromkeys(grid, 1)},
    }
    plan = make_plan(tuned({"grid": grid}, overrides=overrides), choose=choosing(1, 3, 1, 0))
    found = searches(plan)
    assert found["dpo+lorr", 8] == [{"learning_rate": 1e-4}, {"learning_rate": 2e-4}]
    assert found["dpo+plain", 8] == [{"beta": 0.5}, {"beta": 2}]
    assert len(found["dpo+plain", 16]) == 4
    assert ("dpo+no_reset", 8) not in found
    lorr = next(arm for arm in plan.arms if arm.name == "dpo+lorr").at(8).hyperparameters
    assert (lorr.beta, lorr.learning_rate) == (1, 2e-4)
    plain = next(arm for arm in plan.arms if arm.name == "dpo+plain").at(8).hyperparameters
    assert (plain.beta, plain.learning_rate) == (2, 5e-5)
    tried = next(arm for arm in plan.tries.plan.arms if arm.name == "dpo-1+plain").at(8).hyperparameters
    assert (tried.beta, tried.learning_rate) == (0.5, 5e-5)


def test_so_many_tries_are_drawn_the_same_ones_for_every_arm(tuned):
    grid = {"beta": [0.1, 0.5, 1, 2, 5], "learning_rate": [1e-4, 2e-4, 3e-4]}
    found = list(searches(make_plan(tuned({"grid": grid, "tries": 4}))).values())
    assert [len(tries) for tries in found] == [4] * 6
    assert all(tries == found[0] for tries in found)


def test_only_the_budgets_that_an_arm_needs_are_tuned(tuned):
    plugins = {"plain": {}, "lorr": {"unique_pairs": [16]}}
    plan = make_plan(tuned({"unique_pairs": [8, 16]}, plugins=plugins))
    assert list(searches(plan)) == [("dpo+plain", 8), ("dpo+plain", 16), ("dpo+lorr", 16)]
    once = make_plan(tuned({"unique_pairs": [8]}, plugins=plugins))
    assert [(each.arm, each.unique_pairs, each.used_at) for each in once.tuning.arms] == [
        ("dpo+plain", 8, (8, 16)),
        ("dpo+lorr", 8, (16,)),
    ]


@pytest.mark.parametrize("pairs", [8, 16])
def test_chosen_settings_are_the_same_work_as_overrides_by_hand(tuned, load, values, pairs):
    by_hand = {**values, "overrides": {f"dpo+plain@{pairs}": {"beta": 2}, f"dpo+lorr@{pairs}": {"beta": 0.5}}}
    plugins, budget = {"plain": {}, "lorr": {}}, {"unique_pairs": [pairs]}
    written = make_plan(load({**by_hand, "plugins": plugins, "budget": budget}))
    plan = make_plan(tuned(plugins=plugins, budget=budget), choose=choosing(1, 0))
    assert digests(plan) - plan.tried == digests(written)
    assert plan.training == written.training
    assert plan.suite.overrides == {}  # it stays what was asked


def test_nothing_waits_once_all_is_chosen_and_all_that_depends_on_it_before(tuned):
    plan = make_plan(tuned())
    assert {each.chosen for each in plan.tuning.arms} == {None}
    assert {each.reason for tuned in plan.tuning.arms for each in tuned.tries} == {NOT_RUN}
    waiting = {stage.kind for stage in plan.stages if stage.digest in plan.pending}
    assert waiting == {"reference", "train", "answer_math", "grade_math", "evaluate_general"}
    of_start = {e.digest for e in plan.evaluations if e.point == START}
    assert plan.pending.isdisjoint(of_start)
    assert make_plan(tuned(), choose=choosing(*[0] * 6)).pending == frozenset()


def test_an_arm_whose_settings_are_chosen_does_not_wait_for_others(tuned):
    def choose(tries):
        return tries.tuning(
            lambda search, place: Try(
                search.tries[place], *([(0.5,)] if search.arm.name == "dpo+lorr" else [(), NOT_RUN])
            )
        )

    plan = make_plan(tuned(), choose=choose)
    waiting = {point.arm for point, digest in plan.training.items() if digest in plan.pending}
    assert waiting == {"dpo+plain", "dpo+no_reset"}
    needed = {stage.digest: stage.needs for stage in plan.stages}
    settled = {stage.digest for stage in plan.settled_stages}
    assert all(set(needed[digest]) <= settled for digest in settled)


def test_a_single_combination_is_taken_without_a_run(tuned):
    plan = make_plan(tuned({"grid": {"beta": [7]}}))
    assert plan.tried == plan.pending == frozenset()
    assert {arm.at(8).hyperparameters.beta for arm in plan.arms} == {7}
    assert plan.tries.plan.arms == ()


@pytest.mark.parametrize(
    ("tuning", "place", "told"),
    [
        ({"grid": {"bata": [1]}}, "bata:", "`tuning.grid.bata` is a hyper-parameter that no method of the suite has"),
        ({"methods": {"dpo": {"betta": [1]}}}, "betta:", "`tuning.methods.dpo.betta` is a hyper-parameter that dpo does not have"),
        ({"grid": {"beta": [0.5, "much"]}}, "beta:", "`tuning.grid.beta`"),
        ({"methods": {"dpo": {"learning_rate": ["high"]}}}, "learning_rate:", "`tuning.methods.dpo.learning_rate`"),
        ({"grid": {"beta": list(range(1, 1002))}}, "grid:", "dpo+plain has 1,001 combinations to try, of at most 1,000"),
    ],
)  # fmt: skip
def test_a_fault_of_the_grid_is_told_with_its_line(tuned, tmp_path, tuning, place, told):
    loaded = tuned(tuning)
    with pytest.raises(SuiteError) as caught:
        make_plan(loaded)
    assert told in caught.value.what
    lines = (tmp_path / "suite.yaml").read_text("utf-8").splitlines()
    inside = lines.index("tuning:")
    number = next(n for n, line in enumerate(lines[inside:], inside + 1) if line.strip().startswith(place))
    assert caught.value.where == f"{tmp_path / 'suite.yaml'}:{number}"


def test_a_name_that_no_method_has_is_told_with_the_nearest(tuned):
    with pytest.raises(SuiteError) as caught:
        make_plan(tuned({"grid": {"bata": [1]}}))
    assert "did you mean `beta`" in caught.value.fix


def test_the_rows_of_a_test_benchmark_are_refused_under_another_path_too(tuned, values, tmp_path):
    rows = "".join(json.dumps({"problem": f"{n} + 1", "answer": str(n + 1)}) + "\n" for n in range(9))
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(rows, "utf-8")
    evaluation = {"math": [{"name": "easy", "source": "a.jsonl", "max_tokens": 8}]}
    benchmark = {"name": "validation", "source": "b.jsonl", "max_tokens": 8}
    with pytest.raises(SuiteError, match="by the rows of `easy`, which the suite tests on"):
        make_plan(tuned({"benchmark": benchmark}, evaluation=evaluation))


def test_tries_that_differ_in_what_is_held_equal_are_refused(tuned):
    budget = {"unique_pairs": [16], "equal": "updates"}
    grid = {"per_device_train_batch_size": [4, 8]}
    suite = tuned({"grid": grid}, budget=budget, plugins={"plain": {}})
    with pytest.raises(BudgetError, match=r"try 1 of dpo\+plain needs 4 optimizer_steps, try 2 .* has 2"):
        make_plan(suite)
    make_plan(tuned({"grid": grid}, budget={**budget, "equal": "data"}, plugins={"plain": {}}))


def test_a_try_that_does_not_go_with_its_plug_in_is_refused(tuned):
    plugins = {"plain": {}, "lorr": {"reset": {"anchor": "init"}}}
    with pytest.raises(SuiteError, match=r"dpo-2\+lorr can't be: a LoRA adapter can't reset its base"):
        make_plan(tuned({"grid": {"lora": [None, {"r": 4}]}}, plugins=plugins))


def test_a_try_beyond_a_limit_is_refused(tuned):
    budget = {"unique_pairs": [16], "limits": {"optimizer_steps": 3}}
    grid = {"per_device_train_batch_size": [8, 4]}
    methods = {"dpo": {"per_device_train_batch_size": 16}}
    suite = tuned({"grid": grid}, budget=budget, plugins={"plain": {}}, methods=methods)
    with pytest.raises(BudgetError, match=r"try 2 of dpo\+plain at 16 pairs needs 4 optimizer_steps"):
        make_plan(suite)


# Another value of each key that decides which tries there are, or what is measured of them.
OTHER = {
    "seeds": [101],
    "grid": {"beta": [0.5, 3]},
    "methods": {"dpo": {"beta": [4, 5]}},
    "tries": 1,
    "unique_pairs": [8],
}
BENCHMARK = {"limit": 8, "max_tokens": 31, "source": "nano/hard", "template": "Q: {problem}", "repeats": 2}
SETTING = {"name": "another", "sizes": [9, 10], "cluster_column": "off"}


@pytest.mark.parametrize("key", OTHER)
def test_what_is_tried_is_other_work(tuned, key):
    assert digests(make_plan(tuned({key: OTHER[key]}))) != digests(make_plan(tuned()))


@pytest.mark.parametrize(("key", "value"), [*BENCHMARK.items(), *SETTING.items()])
def test_a_key_of_the_benchmark_is_on_the_side_that_is_said_of_it(tuned, key, value):
    changed = {"benchmark": {**TUNING["benchmark"], key: value}}
    differs = digests(make_plan(tuned(changed))) != digests(make_plan(tuned()))
    assert differs == (key in BENCHMARK)


def test_the_tuning_changes_no_digest_of_the_suite_itself(tuned, load, values):
    """Before anything is chosen the first of the grid stands in: β 0.5, as if it were written."""
    values["methods"]["dpo"]["beta"] = 0.5
    plain = make_plan(load(values))
    plan = make_plan(tuned())
    assert digests(plan) - plan.tried == digests(plain)


# --- sweeps -----------------------------------------------------------------------------------------------


def test_what_an_arm_is_tuned_to_sets_it_apart_from_no_line(tuned):
    """The last of the three has its own best value, at both budgets."""
    plugins = {
        "plain": {},
        "no_reset": {"type": "lorr", "reset": "off"},
        "no_reset_10": {"type": "lorr", "reset": "off", "label_noise": 0.1},
        "no_reset_30": {"type": "lorr", "reset": "off", "label_noise": 0.3},
    }
    loaded = tuned(plugins=plugins, analysis={"sweep": "label_noise"})
    plan = make_plan(loaded, choose=choosing(0, 0, 0, 0, 0, 0, 1, 1))
    assert {settings.beta for arm in plan.arms for settings in arm.at_budgets.values()} == {0.5, 2}
    (line,) = plan.analysis.sweep.lines
    assert line.name == "dpo+no_reset*"
    assert line.arms == ("dpo+no_reset", "dpo+no_reset_10", "dpo+no_reset_30")
    assert line.values == (0.0, 0.1, 0.3)


def test_what_is_tuned_is_no_axis(tuned):
    with pytest.raises(SuiteError, match="beta is what `tuning` chooses for each arm"):
        make_plan(tuned(analysis={"sweep": "beta"}))
