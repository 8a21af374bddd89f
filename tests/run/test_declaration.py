"""What was declared, when, and what the report says of it."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from finished_suite import SUITE, finish, plan_of

from lorr_bench.errors import DiskFullError, StoreError
from lorr_bench.run import declaration
from lorr_bench.run.declaration import ANALYSIS_FILE, DAMAGED_FILE, declare, foreseen
from lorr_bench.store.store import Store
from lorr_bench.values import START

FIRST = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
# 2 benchmarks × 2 arms × 2 budgets × 2 seeds
ALL = 16


class World:
    """An output folder, a store, and the suite in changing versions."""

    def __init__(self, folder):
        self.folder, self.output, self.store = folder, folder / "out", Store(folder / "store")

    def plan(self, **changes):
        return plan_of({**SUITE, **changes}, self.folder)

    def declare(self, day=FIRST, **changes):
        return declare(self.plan(**changes), self.store, self.output, lambda: day)

    def finish(self, number, point=None):
        """Give so many evaluations of trained models, or those of one model, their results."""
        plan = self.plan()
        stages = {stage.digest: stage for stage in plan.stages}
        wanted = [e for e in plan.evaluations if (e.point == point if point else e.point != START)]
        for evaluation in wanted[:number]:
            finish(self.store, stages[evaluation.digest])

    @property
    def file(self):
        return self.output / ANALYSIS_FILE

    def entries(self):
        return json.loads(self.file.read_text("utf-8"))["declarations"]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def finish_one(world, plan):
    """Give one evaluation of a trained model its results."""
    stages = {stage.digest: stage for stage in plan.stages}
    finish(world.store, stages[next(e.digest for e in plan.evaluations if e.point != START)])


OTHER = {"analysis": {"measure": "easy avg@2"}}
BEFORE = "before: easy greedy: dpo+lorr - dpo+plain"


def test_what_is_declared_before_any_result_is_kept_and_needs_no_word(world):
    assert world.declare() == ()
    [entry] = world.entries()
    assert (entry["time"], entry["known"], entry["evaluations"]) == ("2026-11-20T09:30:00+00:00", 0, ALL)
    assert (entry["benchmark"], entry["metric"], entry["declared"]) == ("easy", "greedy", False)
    assert entry["primary"] == [["dpo+lorr", "dpo+plain"]]


def test_a_change_before_any_result_takes_its_place(world):
    world.declare()
    assert world.declare(LATER, **OTHER) == ()
    [entry] = world.entries()
    assert (entry["metric"], entry["time"][:10]) == ("avg@2", "2026-11-26")


@pytest.mark.slow
def test_a_change_after_the_first_result_is_said_for_ever(world):
    world.declare()
    world.finish(3)
    said = (f"Changed on 2026-11-26, when 3 of {ALL} evaluations were known; {BEFORE}",)
    assert world.declare(LATER, **OTHER) == said
    world.finish(5)
    assert world.declare(LATER + timedelta(days=9), **OTHER) == said


def test_a_change_back_is_another_change(world):
    world.declare()
    world.finish(1)
    world.declare(**OTHER)
    said = world.declare(LATER)
    assert len(said) == 2
    assert said[1].endswith("before: easy avg@2: dpo+lorr - dpo+plain")


def test_results_of_the_start_model_are_no_knowledge_of_a_contrast(world):
    world.declare()
    world.finish(2, START)
    assert world.declare(LATER, **OTHER) == ()
    assert len(world.entries()) == 1


@pytest.mark.slow
def test_a_finished_suite_that_runs_again_says_nothing_new(world):
    world.declare()
    [before] = world.entries()
    world.finish(ALL)
    assert world.declare(LATER) == ()
    assert world.entries() == [{**before, "seen": ALL}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("analysis", "what"),
    [
        ({}, "The suite declares nothing; its default was recorded"),
        ({"primary": ["lorr - plain"]}, "Declared"),
    ],
)
def test_results_that_were_in_the_store_before_are_told_without_reproach(world, analysis, what):
    world.finish(ALL)
    said = (f"{what} on 2026-11-20, when {ALL} of {ALL} evaluations were already in the store",)
    assert world.declare(analysis=analysis) == said
    assert world.declare(LATER, analysis=analysis) == said


def test_saying_the_default_aloud_is_no_change(world):
    world.declare()
    world.finish(1)
    assert world.declare(LATER, analysis={"measure": "easy", "primary": ["dpo+lorr - dpo+plain"]}) == ()


def test_the_order_of_contrasts_is_no_change(world):
    plugins = {"plugins": {**SUITE["plugins"], "other": {"type": "lorr", "replays": 4}}}
    world.declare(**plugins, analysis={"primary": ["lorr - plain", "other - plain"]})
    world.finish(1)
    assert world.declare(LATER, **plugins, analysis={"primary": ["other - plain", "lorr - plain"]}) == ()


def test_what_is_secondary_anyway_is_no_change(world):
    world.declare(analysis={"primary": ["lorr - plain"]})
    world.finish(1)
    more = {"plugins": {**SUITE["plugins"], "other": {"type": "lorr", "replays": 4}}}
    assert world.declare(LATER, **more, analysis={"primary": ["lorr - plain"]}) == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ({"seeds": [0, 1, 2]}, "seeds 0, 1"),
        ({"budget": {"unique_pairs": [8, 16, 48]}}, "budgets of 8, 16 pairs"),
        ({"analysis": {"secondary": ["dpo+plain - ipo+plain"]}}, "secondary: nothing"),
        ({"analysis": {"secondary": ["dpo+lorr@8 - dpo+plain"]}}, "secondary: nothing"),
        ({"analysis": {"primary": ["lorr@8 - plain@16"]}}, "{default}"),
        ({"analysis": {"equivalence_margin": 0.02}}, "no margin of equivalence"),
        ({"analysis": {"primary": ["dpo+lorr - ipo+lorr"]}, "seeds": [0, 1, 2]}, "{default}; seeds 0, 1"),
    ],
)
def test_what_was_declared_before_is_named_as_far_as_it_changed(world, changes, before):
    methods = {"methods": {**SUITE["methods"], "ipo": {"like": "dpo"}}}
    world.declare(**methods)
    finish_one(world, world.plan(**methods))
    [sentence] = world.declare(LATER, **methods, **changes)
    default = "easy greedy: dpo+lorr - dpo+plain; ipo+lorr - ipo+plain"
    assert sentence.partition("before: ")[2] == before.format(default=default)


@pytest.mark.slow
def test_budgets_and_margin_are_kept_and_named_when_they_change(world):
    said = {"primary": ["lorr@8 - plain@16"], "equivalence_margin": 0.02}
    world.declare(analysis=said)
    [entry] = world.entries()
    assert (entry["primary"], entry["equivalence_margin"]) == ([["dpo+lorr", "dpo+plain", 8, 16]], 0.02)
    world.finish(1)
    assert world.declare(LATER, analysis=said) == ()
    [sentence] = world.declare(LATER, analysis={"primary": ["lorr@16 - plain@16"]})
    assert sentence.partition("before: ")[2] == (
        "easy greedy: dpo+lorr@8 - dpo+plain@16; equivalence within ±2.0 points"
    )


def test_a_record_without_a_margin_is_as_it_was_before_there_was_one(world):
    world.declare()
    [entry] = world.entries()
    assert "equivalence_margin" not in entry
    assert all(len(contrast) == 2 for contrast in entry["primary"])


def test_a_sweep_is_no_change_of_what_is_tested(world):
    plugins = {"plugins": {**SUITE["plugins"], "other": {"type": "lorr", "replays": 4}}}
    world.declare(**plugins)
    world.finish(1)
    assert world.declare(LATER, **plugins, analysis={"sweep": "replays"}) == ()


LORR = {"type": "lorr", "replays": 4}
TUNING = {
    "seeds": [7],
    "grid": {"learning_rate": [1.0e-4]},  # one try, so that its settings are known
    "benchmark": {"name": "tried", "source": "nano/validation", "limit": 2, "max_tokens": 8},
}


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({}, {"plugins": {"plain": {}, "lorr": LORR}}, "other settings of dpo+lorr"),
        ({}, {"overrides": {"dpo+plain@16": {"learning_rate": 0.5}}}, "other settings of dpo+plain"),
        (
            {},
            {"methods": {"dpo": {**SUITE["methods"]["dpo"], "beta": 7}}},
            "other settings of dpo+lorr; other settings of dpo+plain",
        ),
        ({"tuning": TUNING}, {"tuning": {**TUNING, "seeds": [8]}}, "another tuning"),
        ({}, {"tuning": TUNING}, "no tuning"),
        ({"tuning": TUNING}, {}, "a tuning"),
    ],
)
def test_arms_that_are_set_anew_after_results_are_told(world, before, after, what):
    world.declare(**before)
    finish_one(world, world.plan(**before))
    world.declare(**before)
    [sentence] = world.declare(LATER, **after)
    assert sentence.partition("before: ")[2] == what


def test_what_was_known_of_arms_that_are_all_set_anew_is_told(world):
    world.declare()
    world.finish(3)
    world.declare()
    methods = {"methods": {"dpo": {**SUITE["methods"]["dpo"], "beta": 7}}}
    [sentence] = world.declare(LATER, **methods)
    assert sentence == (
        "Changed on 2026-11-26, when 3 evaluations of what was declared before were known; before: "
        "other settings of dpo+lorr; other settings of dpo+plain"
    )


def test_settings_of_an_arm_that_is_not_tested_are_no_change(world):
    plugins = {**SUITE["plugins"], "other": LORR}
    said = {"analysis": {"primary": ["lorr - plain"]}}
    world.declare(plugins=plugins, **said)
    world.finish(1)
    assert world.declare(LATER, plugins={**plugins, "other": {**LORR, "replays": 3}}, **said) == ()


def test_a_record_without_settings_takes_those_of_today(world):
    world.declare()
    [entry] = world.entries()
    assert set(entry["settings"]) == {"dpo+lorr", "dpo+plain"}
    world.file.write_text(json.dumps({"declarations": [{**entry, "settings": {}}]}), "utf-8")
    world.finish(1)
    assert world.declare(LATER) == ()
    assert world.entries() == [{**entry, "seen": 1}]


def test_days_are_those_of_utc(world):
    world.finish(1)
    [sentence] = world.declare(datetime(2026, 11, 27, 1, 0, tzinfo=timezone(timedelta(hours=2))))
    assert "on 2026-11-26," in sentence
    assert world.entries()[0]["time"] == "2026-11-26T23:00:00+00:00"


@pytest.mark.slow
def test_what_will_be_said_is_foreseen_without_writing(world):
    plan = world.plan(**OTHER)
    assert foreseen(plan, world.store, world.output, lambda: FIRST) == ()
    assert not world.output.exists()
    world.declare()
    world.finish(2)
    before = world.file.read_bytes()
    [sentence] = foreseen(plan, world.store, world.output, lambda: LATER)
    assert sentence == f"Changed on 2026-11-26, when 2 of {ALL} evaluations were known; {BEFORE}"
    assert world.file.read_bytes() == before
    world.declare(LATER, **OTHER)
    assert foreseen(plan, world.store, world.output, lambda: LATER) == ()


DAMAGE = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b'{"declarations": []}',
    b'{"declarations": [{"time": 3}]}',
    b'{"declarations": 1e999}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", DAMAGE, ids=range(len(DAMAGE)))
def test_a_damaged_record_is_set_aside_and_said(world, content):
    world.finish(4)
    world.output.mkdir()
    world.file.write_bytes(content)
    said = (
        "The record of what was declared was damaged; declared anew on 2026-11-20, "
        f"when 4 of {ALL} evaluations were known",
    )
    assert world.declare() == said
    assert (world.output / DAMAGED_FILE).read_bytes() == content
    assert world.declare(LATER) == said


@pytest.mark.slow
def test_every_value_of_the_record_is_needed(world):
    world.declare()
    [entry] = world.entries()
    for name in entry.keys() - {"settings", "seen"}:  # records from before they were kept are whole
        lacking = {key: value for key, value in entry.items() if key != name}
        world.file.write_text(json.dumps({"declarations": [lacking]}), "utf-8")
        world.declare()
        assert world.entries()[0]["is_restart"] is True, name


def test_a_damaged_record_matters_to_nobody_before_the_first_result(world):
    world.output.mkdir()
    world.file.write_text("{", "utf-8")
    assert world.declare() == ()


def test_a_record_that_can_not_be_read_is_no_empty_one(world):
    world.file.mkdir(parents=True)
    with pytest.raises(StoreError, match="can't be read: Is a directory"):
        world.declare()


def test_a_record_that_can_not_be_written_is_told(world, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(declaration, "write_text", fail)
    with pytest.raises(DiskFullError):
        world.declare()


def test_an_output_folder_that_can_not_be_made_is_told(world):
    world.output.write_text("a file", "utf-8")
    with pytest.raises(StoreError, match="can't write"):
        world.declare()


def test_control_characters_of_a_name_are_seen(world):
    world.declare()
    [entry] = world.entries()
    world.file.write_text(json.dumps({"declarations": [{**entry, "benchmark": "\x1b[2J"}]}), "utf-8")
    world.finish(1)
    assert "⟨U+001B⟩" in world.declare(LATER)[0]
