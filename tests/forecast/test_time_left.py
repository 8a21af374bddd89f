"""Speeds and times that are left, by hand."""

import pytest

from lorr_bench.forecast.time_left import StageProgress, TimeLeft, work
from lorr_bench.plan.stage import Stage


def train(name, pairs=10, replays=1, method="trl.dpo", inputs=None, **params):
    values = {
        "name": name,
        "adapter": [method, 1],
        "unique_pairs": pairs,
        "sft_weights": [0.0] * replays,
        "stop_after": replays,
        **params,
    }
    return Stage("train", f"train {name}", values, inputs or {})


def collect(name, inputs=None):
    return Stage("collect", f"collect {name}", {"name": name}, inputs or {})


@pytest.fixture
def progress():
    return StageProgress(train("a"), "train 1", begun=100.0)


def test_nothing_is_known_before_a_stage_tells_anything(progress):
    assert progress.share is None
    assert progress.tokens_per_second is None
    assert progress.mean_tokens_per_second is None
    assert progress.seconds_left(150.0) is None


def test_one_word_gives_a_share_but_no_speed(progress):
    progress.advances(110.0, 5, 20, 1000)
    assert progress.share == 0.25
    assert progress.tokens_per_second is None
    assert progress.seconds_left(150.0) is None


def test_speed_is_that_of_the_window_and_the_mean_that_of_all(progress):
    for seconds, done, tokens in [(110, 1, 0), (120, 2, 1000), (130, 3, 1100), (145, 4, 1400)]:
        progress.advances(seconds, done, 10, tokens)
    assert progress.tokens_per_second == (1400 - 1000) / 25  # what was told at 120 began the last 20 seconds
    assert progress.mean_tokens_per_second == 1400 / 35


def test_time_left_goes_on_from_the_first_word_not_from_the_start(progress):
    progress.advances(110.0, 40, 100, 0)  # continued from a checkpoint
    progress.advances(130.0, 50, 100, 0)
    assert progress.seconds_left(131.0) == 2.0 * 50 - 1.0


def test_a_stage_that_says_it_is_beyond_its_end_has_all_of_it_done(progress):
    progress.advances(110.0, 0, 4, 0)
    progress.advances(111.0, 5, 4, 0)
    assert progress.share == 1.0
    assert progress.seconds_left(111.0) == 0.0


def test_work_of_a_training_is_pairs_times_replays():
    assert work(train("a", pairs=10, replays=3)) == 30
    assert work(collect("a")) == 1


@pytest.mark.parametrize("part", [{"stop_after": 1}, {"inputs": {"before": "digest"}}])
def test_a_part_of_a_training_does_one_replay(part):
    assert work(train("a", pairs=10, replays=3, **part)) == 10


def test_time_left_by_hand():
    first, second, third = train("a", 10, 1), train("b", 10, 3), train("c", 20, 3)
    left = TimeLeft([first, second, third])
    assert left.seconds_left({}, 0.0) is None
    left.measured(first, 5.0)
    left.over(first)
    assert left.seconds_left({}, 0.0) == pytest.approx(0.5 * (30 + 60))


def test_methods_have_their_own_speed_and_share_one_until_they_are_measured():
    fast, slow, new = (train(name, method=name) for name in ("fast", "slow", "new"))
    left = TimeLeft([fast])
    left.measured(train("done", method="fast"), 10.0)
    left.measured(train("done too", method="slow"), 90.0)
    assert left.seconds_left({}, 0.0) == pytest.approx(10.0)
    assert TimeLeft([]).seconds_left({}, 0.0) == 0.0
    other = TimeLeft([new])
    other.measured(train("done", method="fast"), 10.0)
    other.measured(slow, 90.0)
    assert other.seconds_left({}, 0.0) == pytest.approx(50.0)


def test_work_is_spread_over_the_seats_that_were_seen():
    stages = [collect(i) for i in range(6)]
    left = TimeLeft(stages)
    left.measured(collect("done"), 10.0)
    left.begins(stages[0], "engine 1", at_once=1)
    assert left.seconds_left({}, 0.0) == 60.0
    left.begins(stages[1], "engine 2", at_once=2)
    assert left.seconds_left({}, 0.0) == 30.0


def test_two_pools_that_never_ran_at_once_take_the_sum_of_both():
    left = TimeLeft([collect(1), train(1)])
    left.measured(collect("done"), 10.0)
    left.measured(train("done"), 20.0)
    left.begins(collect(1), "engine 1", at_once=1)
    assert left.seconds_left({}, 0.0) == 30.0
    left.begins(train(1), "train 1", at_once=2)
    assert left.seconds_left({}, 0.0) == 20.0


def test_stages_that_wait_for_each_other_are_not_spread():
    first = collect(1)
    second = train(1, inputs={"pairs": first.digest})
    left = TimeLeft([first, second])
    left.measured(collect("done"), 10.0)
    left.measured(train("done"), 20.0)
    left.begins(collect(9), "engine 1", at_once=9)
    left.over(collect(9))
    assert left.seconds_left({}, 0.0) == 30.0


def test_of_very_many_stages_the_spread_alone_decides():
    stages = [collect(0)]
    for number in range(1, 2001):
        stages.append(collect(number, {"before": stages[-1].digest}))
    left = TimeLeft(stages)
    left.measured(collect("done"), 1.0)
    left.begins(stages[0], "engine 1", at_once=1)
    left.begins(stages[0], "engine 2", at_once=2)
    assert left.seconds_left({}, 0.0) == 2001 / 2
    left.over(stages[0])
    assert left.seconds_left({}, 0.0) == 2000


def test_a_stage_under_way_has_less_left():
    stage = train("a")
    left, progress = TimeLeft([stage]), StageProgress(stage, "train 1", 0.0)
    left.measured(train("done"), 20.0)
    assert left.seconds_left({stage.digest: progress}, 15.0) == 5.0
    assert left.seconds_left({stage.digest: progress}, 25.0) == 0.0
    progress.advances(10.0, 10, 100, 0)
    progress.advances(20.0, 20, 100, 0)
    assert left.seconds_left({stage.digest: progress}, 20.0) == 80.0


def test_a_stage_under_way_tells_of_its_kind_while_none_was_measured():
    running, next_one = train("a"), train("b", pairs=20)
    left, progress = TimeLeft([running, next_one]), StageProgress(running, "train 1", 0.0)
    progress.advances(10.0, 0, 10, 0)
    progress.advances(20.0, 5, 10, 0)
    assert left.seconds_left({running.digest: progress}, 20.0) == 10.0 + 2 * 30.0


def test_a_stage_that_begins_again_is_left_again():
    stage = collect(1)
    left = TimeLeft([stage])
    left.measured(stage, 10.0)
    left.over(stage)
    assert left.seconds_left({}, 0.0) == 0.0
    left.begins(stage, "engine 1", at_once=1)
    assert left.seconds_left({}, 0.0) == 10.0


def test_words_that_arrive_together_tell_no_speed(progress):
    progress.advances(110.0, 1, 4, 100)
    progress.advances(110.001, 2, 4, 900)
    assert progress.tokens_per_second is None
    assert progress.mean_tokens_per_second is None
