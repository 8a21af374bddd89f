"""What the display estimates and says."""

import io

import pytest
from rich.console import Console

from lorr_bench.plan.stage import Stage
from lorr_bench.run.progress import Display, Estimate, spoken, work


def train(pairs, replays):
    return Stage("train", f"{pairs}x{replays}", {"unique_pairs": pairs, "sft_weights": [0.0] * replays})


COLLECT = Stage("collect", "collect [red]seed[/red] 0", {})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (75, "1 min 15 s"), (3600, "1 h 0 min"), (7322, "2 h 2 min")],
)
def test_spoken(seconds, text):
    assert spoken(seconds) == text


def test_work_of_a_training_is_pairs_times_replays():
    assert work(train(10, 3)) == 30
    assert work(COLLECT) == 1


def test_time_left_by_hand():
    first, second, third = train(10, 1), train(10, 3), train(20, 3)
    estimate = Estimate([first, second, third])
    assert estimate.seconds_left() is None
    estimate.finished(first, 5.0)
    # 0.5 s a visit; 30 + 60 visits are left
    assert estimate.seconds_left() == pytest.approx(45.0)


def test_the_slower_lane_decides():
    collects = [Stage("collect", str(i), {"i": i}) for i in range(3)]
    trainings = [train(10, 1), train(10, 2)]
    estimate = Estimate([*collects, *trainings])
    estimate.finished(collects[0], 100.0)
    estimate.finished(trainings[0], 10.0)
    assert estimate.seconds_left() == pytest.approx(200.0)


def test_a_failed_stage_teaches_nothing():
    estimate = Estimate([train(10, 1)])
    estimate.finished(train(10, 1), None)
    assert estimate.seconds_left() == 0.0


class FakePlan:
    stages = (COLLECT,)


def show(terminal):
    out, err = io.StringIO(), io.StringIO()
    display = Display(
        Console(file=out, force_terminal=terminal, width=100),
        Console(file=err, width=200, force_terminal=False),
    )
    display.begin(FakePlan(), [COLLECT])
    display.stage_begins(COLLECT)
    display.stage_advances(COLLECT, 1, 4)
    display.finish()
    display.stage_fails(COLLECT, "it broke [0]")
    return out.getvalue(), err.getvalue()


def test_a_terminal_shows_stage_share_and_time_left():
    out, _ = show(terminal=True)
    assert "collect [red]seed[/red] 0 25 %" in out
    assert "time left" in out


def test_a_pipe_shows_failures_alone():
    out, err = show(terminal=False)
    assert out == ""
    assert err == "failed collect [red]seed[/red] 0: it broke [0]\n"
