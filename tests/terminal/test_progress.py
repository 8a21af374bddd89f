"""What the display says, on a terminal and in a pipe, on a clock that the tests turn."""

import io
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from screen import Screen
from stage_samples import numbered, sample

from lorr_bench.events import (
    ENGINE_START,
    Advanced,
    Began,
    Dropped,
    Ended,
    Entered,
    GivenUp,
    Noted,
    Planned,
    Postponed,
    RunBegan,
    RunEnded,
)
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.terminal.progress import Display
from lorr_bench.values import START, Point

COLLECT = sample("collect", "collect [red]seed[/red] 0")
POINTS = [Point("dpo+plain", 4, 0), Point("dpo+lorr", 4, 0)]
NAMES = ("plain", "lorr", "start")


def train(name):
    number = NAMES.index(name)
    return sample("train", f"train {name}", seed=number, unique_pairs=4, inputs={"pairs": COLLECT.digest})


def grade(name):
    return numbered("grade_math", NAMES.index(name), f"grade {name}")


TRAININGS = [train("plain"), train("lorr")]
GRADES = [grade("plain"), grade("lorr"), grade("start")]
STAGES = [COLLECT, *TRAININGS, *GRADES]
PLAN = SimpleNamespace(
    of_tries=False,
    stages=STAGES,
    training=dict(zip(POINTS, [stage.digest for stage in TRAININGS], strict=True)),
    evaluations=[
        Evaluation(point, "math", "math", stage.digest, stage.digest)
        for point, stage in zip([*POINTS, START], GRADES, strict=True)
    ],
)


def digests(stages):
    return tuple(stage.digest for stage in stages)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Shown:
    """A display and what it has shown, on a terminal of 80 columns or in a pipe."""

    def __init__(self, terminal, measured=None):
        self.now = 0.0
        self._file = Terminal() if terminal else io.StringIO()
        width = 80 if terminal else 20
        console = Console(
            file=self._file, force_terminal=terminal, width=width, height=24, _environ={"TERM": "xterm"}
        )
        self.display = Display(console, measured, lambda: self.now)

    @property
    def out(self):
        return self._file.getvalue()

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def screen(self):
        """What stands on the terminal."""
        screen = Screen(80)
        screen.feed(self.out)
        return screen.lines

    def tell(self, event):
        self.display.watch(event)

    def type(self, text):
        """What a terminal writes itself, as an echo."""
        self._file.write(text)

    def begin(self, waiting, plan=PLAN):
        self.tell(RunBegan(plan, tuple(waiting)))

    def run(self, stage, seconds, tokens=0):
        self.tell(Began(stage.digest, "train 1"))
        self.now += seconds
        self.tell(Ended(stage.digest, seconds, tokens))


@pytest.fixture
def terminal():
    screen = Shown(terminal=True)
    yield screen
    screen.tell(RunEnded())


@pytest.fixture
def pipe():
    return Shown(terminal=False)


def test_a_terminal_shows_stages_arms_and_slots(terminal):
    terminal.begin(STAGES[1:])
    terminal.tell(Began(TRAININGS[0].digest, "train 1, GPU 0"))
    terminal.tell(Advanced(TRAININGS[0].digest, 1, 4, 100))
    deadline = time.monotonic() + 30
    while "25%" not in terminal.out and time.monotonic() < deadline:  # it is drawn four times a second
        time.sleep(0.05)
    assert "1/6 stages, 0/2 arms" in terminal.out
    assert "train 1, GPU 0" in terminal.out
    assert "25%" in terminal.out


def test_an_arm_is_done_when_its_last_evaluation_is(terminal):
    terminal.begin(GRADES)
    for stage, arms in zip(GRADES, (1, 2, 2), strict=True):
        terminal.run(stage, 1.0)
        assert terminal.display.view().arms == (arms, 2)


def test_an_arm_without_evaluations_is_done_when_it_is_trained(terminal):
    plan = SimpleNamespace(stages=STAGES, training=PLAN.training, evaluations=[], of_tries=False)
    terminal.begin(STAGES, plan)
    terminal.run(TRAININGS[0], 1.0)
    assert terminal.display.view().arms == (1, 2)


def test_the_last_view_has_no_slots(terminal):
    terminal.begin(STAGES)
    terminal.tell(Began(COLLECT.digest, "engine 1"))
    terminal.tell(RunEnded())
    assert terminal.display.view().running == []


def test_a_display_serves_a_second_run(terminal):
    for _ in range(2):
        terminal.begin([COLLECT])
        terminal.tell(GivenUp(COLLECT.digest, "it broke"))
        terminal.run(COLLECT, 1.0)
        terminal.tell(RunEnded())
        assert terminal.display.view().failed == 1
    assert terminal.display.view().stages == (6, 6)


def test_a_terminal_gets_no_line_for_a_stage_that_is_done(terminal):
    terminal.begin(STAGES)
    terminal.run(COLLECT, 1.0)
    assert "done: collect" not in terminal.out


@pytest.mark.parametrize(
    ("file", "variables"),
    [(Terminal(), {"TERM": "dumb"}), (io.StringIO(), {"TERM": "xterm", "FORCE_COLOR": "1"})],
    ids=["dumb", "a coloured pipe"],
)
def test_what_cannot_be_redrawn_gets_lines(file, variables):
    display = Display(Console(file=file, _environ=variables))
    display.watch(RunBegan(PLAN, tuple(STAGES)))
    display.watch(Ended(COLLECT.digest, 1.0, 0))
    assert file.getvalue() == "[1/6] done: collect [red]seed[/red] 0 (1.0 s)\n"


def test_a_pipe_gets_a_line_for_each_stage(pipe):
    pipe.begin(STAGES[:2])
    pipe.run(COLLECT, 3.2, tokens=17280)
    pipe.run(TRAININGS[0], 2.0)
    assert pipe.lines == [
        "[5/6] done: collect [red]seed[/red] 0 (3.2 s, 5,400 tokens/s)",
        "[6/6] done: train plain (2.0 s)",
    ]


def test_the_speed_is_that_of_the_work_without_preparation(pipe):
    pipe.begin(STAGES)
    pipe.tell(Began(TRAININGS[0].digest, "train 1"))
    for now, done, tokens in [(30.0, 1, 1000), (40.0, 2, 2000)]:
        pipe.now = now
        pipe.tell(Advanced(TRAININGS[0].digest, done, 2, tokens))
    pipe.tell(Ended(TRAININGS[0].digest, 50.0, 2000))
    assert pipe.lines == ["[1/6] done: train plain (50.0 s, 100 tokens/s)"]


def test_time_left_is_told_once_every_kind_was_measured(pipe):
    pipe.begin(STAGES[:3])
    pipe.run(COLLECT, 10.0)
    pipe.run(TRAININGS[0], 20.0)
    assert [line.partition("), ")[2] for line in pipe.lines] == ["", "about 20 s left"]


def test_stages_of_earlier_runs_tell_the_time_too():
    pipe = Shown(terminal=False, measured={TRAININGS[0].digest: 90.0, "other": 5.0})
    pipe.begin([COLLECT, TRAININGS[1]])
    pipe.run(COLLECT, 10.0)
    assert pipe.lines[0].endswith(", about 2 min left")


def test_a_result_that_another_run_made_teaches_nothing(pipe):
    pipe.begin(STAGES[:3])
    pipe.run(COLLECT, 10.0)
    pipe.run(TRAININGS[0], 0.0)
    pipe.tell(RunEnded())
    assert pipe.lines[1] == "[5/6] done: train plain (0.0 s)"


def test_many_short_stages_share_lines(pipe):
    stages = [numbered("grade_math", number, f"grade {number}") for number in range(50)]
    pipe.begin(stages, SimpleNamespace(stages=stages, training={}, evaluations=[], of_tries=False))
    for stage in stages:
        pipe.run(stage, 0.125)
    pipe.tell(RunEnded())
    assert [line.split(" done")[0] for line in pipe.lines] == [
        f"[{n}/50]" for n in (1, 9, 17, 25, 33, 41, 49, 50)
    ]
    assert pipe.lines[1].endswith("grade 8 (0.1 s), and 7 more, about 5 s left")


def test_failures_say_why_and_what_is_left_out(pipe):
    pipe.begin(STAGES)
    pipe.tell(GivenUp(COLLECT.digest, "it broke [0]\nsee \x1b[31mthe log"))
    pipe.tell(Dropped(digests(TRAININGS), "`collect` failed"))
    pipe.tell(Dropped(digests(GRADES[:1]), "`train` failed"))
    assert pipe.lines == [
        "[0/6] failed: collect [red]seed[/red] 0: it broke [0]",
        "    see ⟨U+001B⟩[31mthe log",
        "[0/6] left out, because `collect` failed: 2 stages",
        "[0/6] left out, because `train` failed: grade plain",
    ]
    assert pipe.display.view().failed == 4


def test_what_failed_is_not_waited_for(pipe):
    pipe.begin(STAGES[:3])
    pipe.run(COLLECT, 10.0)
    pipe.tell(Dropped(digests(TRAININGS), "it failed"))
    pipe.now += 1.0
    assert pipe.display.view().left_seconds == 0.0


def test_a_second_attempt_is_announced(pipe):
    pipe.begin(STAGES)
    pipe.tell(Began(COLLECT.digest, "engine 1"))
    pipe.tell(Postponed(COLLECT.digest, "its process was killed", 75.0))
    assert pipe.lines == ["[0/6] again in 1 min 15 s: collect [red]seed[/red] 0: its process was killed"]
    assert pipe.display.view().running == []


def test_a_note_is_said_as_it_is(pipe):
    pipe.tell(Noted("the result of `[b]x` is damaged"))
    assert pipe.lines == ["note: the result of `[b]x` is damaged"]


def test_progress_of_a_stage_that_is_over_changes_nothing(pipe):
    pipe.begin(STAGES)
    pipe.run(COLLECT, 1.0)
    pipe.tell(Advanced(COLLECT.digest, 1, 2, 3))
    assert pipe.display.view().running == []


def test_a_stage_that_is_made_again_is_not_done_meanwhile(pipe):
    pipe.begin([])
    pipe.tell(Began(COLLECT.digest, "engine 1"))
    assert pipe.display.view().stages == (5, 6)


@pytest.mark.parametrize("shown", [True, False])
def test_a_terminal_says_what_will_be_tested_when_that_is_known_and_a_pipe_stays_quiet(shown):
    screen = Shown(shown)
    screen.tell(Planned(make_plan(load_suite(Path(__file__).parents[2] / "suites" / "quickstart.yaml"))))
    assert screen.out.count("Will be tested") == shown


LONG = "the data set has no column `question`: it has problem, solution, answer and level. Name one of these."
SEVEN = [numbered("grade_math", number, f"grade arm {number}") for number in range(7)]


def test_failures_stay_whole_above_the_live_view(terminal):
    """The first line has 80 columns and no blank at its end, so that a terminal has to begin no new one."""
    terminal.begin(SEVEN, SimpleNamespace(stages=SEVEN, training={}, evaluations=[], of_tries=False))
    for stage in SEVEN:
        terminal.tell(Began(stage.digest, "grade 1"))
        terminal.tell(GivenUp(stage.digest, LONG))
        terminal.now += 1.0
    terminal.tell(RunEnded())
    assert terminal.screen == [
        *(
            line
            for number in range(7)
            for line in (
                f"[0/7] failed: grade arm {number}: the data set has no column `question`: it has",
                "    problem, solution, answer and level. Name one of these.",
            )
        ),
        "━━━━━━━━━━━━━━━━━━━━━━━━  0/7 stages, 0/0 arms, 7 failed",
        "7 s passed",
    ]


def test_an_interrupted_run_leaves_nothing_of_the_live_view(terminal):
    terminal.begin(STAGES)
    terminal.tell(Noted("look here"))
    terminal.tell(RunEnded(interrupted=True))
    assert terminal.screen == ["note: look here"]


def test_an_echo_at_the_cursor_is_wiped_away(terminal):
    """What a terminal writes itself when Ctrl-C is pressed."""
    terminal.begin([COLLECT])
    terminal.tell(Began(COLLECT.digest, "engine 1"))
    terminal.display.refresh()
    terminal.type("^C")
    terminal.tell(RunEnded(interrupted=True))
    assert terminal.screen == []


def test_the_start_of_an_engine_is_shown_as_such(terminal):
    terminal.begin(STAGES)
    terminal.tell(Began(COLLECT.digest, "engine 1"))
    terminal.tell(Entered(COLLECT.digest, ENGINE_START))
    terminal.display.refresh()
    assert terminal.screen[-1].split() == [
        "engine",
        "1",
        "collect",
        "[red]seed[/red]",
        "0",
        "engine",
        "starts",
    ]


def test_the_start_of_an_engine_is_a_line_in_a_pipe_and_no_other_part_is(pipe):
    pipe.begin(STAGES)
    pipe.tell(Began(COLLECT.digest, "engine 1"))
    for part in (ENGINE_START, "load", "generate"):
        pipe.tell(Entered(COLLECT.digest, part))
    assert pipe.lines == ["[0/6] engine starts: collect [red]seed[/red] 0"]
