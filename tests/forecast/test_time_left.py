"""Speeds and times that are left, by hand."""

import pytest
from stage_samples import numbered, sample

from lorr_bench.forecast.time_left import StageProgress, TimeLeft

DONE = 99
"""The number of a stage that is measured and is none of those that are left."""


def train(number, pairs=10, replays=1, method="trl.dpo", inputs=None, **changes):
    """A training of 2 · pairs · replays sequences."""
    asked = {"unique_pairs": pairs, "sft_weights": [0.0] * replays, "stop_after": replays, **changes}
    return sample("train", f"train {number}", seed=number, adapter=[method, 1], inputs=inputs, **asked)


def collect(number, inputs=None):
    return numbered("collect", number, f"collect {number}", **(inputs or {}))


def general(number, task="nano_compare"):
    """An evaluation whose questions lm-eval alone can count."""
    return sample("evaluate_general", f"general {number}", tasks=[task], seed=number)


@pytest.fixture
def progress():
    return StageProgress(train(1), "train 1", begun=100.0)


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


def test_time_left_by_hand():
    first, second, third = train(1, 10, 1), train(2, 10, 3), train(3, 20, 3)
    left = TimeLeft([first, second, third])
    assert left.seconds_left({}, 0.0) is None
    left.measured(first, 5.0)
    left.over(first)
    assert left.seconds_left({}, 0.0) == pytest.approx(5.0 / 20 * (60 + 120))  # 20 sequences took 5 s


def test_methods_have_their_own_speed_and_share_one_until_they_are_measured():
    fast, slow, new = (train(1, method=f"trl.{name}") for name in ("dpo", "ipo", "simpo"))
    left = TimeLeft([fast])
    left.measured(train(DONE, method="trl.dpo"), 10.0)
    left.measured(train(DONE, method="trl.ipo"), 90.0)
    assert left.seconds_left({}, 0.0) == pytest.approx(10.0)
    assert TimeLeft([]).seconds_left({}, 0.0) == 0.0
    other = TimeLeft([new])
    other.measured(train(DONE, method="trl.dpo"), 10.0)
    other.measured(slow, 90.0)
    assert other.seconds_left({}, 0.0) == pytest.approx(50.0)


def test_what_a_stage_takes_before_it_begins_counts_for_each():
    """20 sequences took 15 s and 60 took 35: 5 s, and half a second a sequence."""
    left = TimeLeft([train(1, pairs=20), train(2, pairs=5)])
    left.measured(train(DONE, pairs=10), 15.0)
    left.measured(train(DONE, pairs=30), 35.0)
    assert left.seconds_left({}, 0.0) == pytest.approx((5.0 + 20.0) + (5.0 + 5.0))


def test_a_benchmark_that_was_never_answered_takes_as_long_for_a_token_as_others():
    """10 problems of at most 32 tokens took 8 s; 40 of 64 are eight times as much."""
    left = TimeLeft([sample("answer_math", source="another benchmark", limit=40, max_tokens=64)])
    left.measured(sample("answer_math", limit=10, max_tokens=32), 8.0)
    assert left.seconds_left({}, 0.0) == pytest.approx(64.0)


def test_stages_whose_work_nobody_counts_are_one_each():
    left = TimeLeft([general(1), general(2), general(3, "nano_order")])
    left.measured(general(DONE), 10.0)
    left.measured(general(DONE, "nano_true_false"), 30.0)
    assert left.seconds_left({}, 0.0) == pytest.approx(10.0 + 10.0 + 20.0)


def test_a_training_that_goes_on_has_its_own_replays_to_do():
    """The first of three replays took 10 s, so the two after it take 20."""
    first = train(1, replays=3, stop_after=1)
    second = train(1, replays=3, inputs={"before": first.digest})
    left = TimeLeft([second], [first])
    left.measured(first, 10.0)
    assert left.seconds_left({}, 0.0) == pytest.approx(20.0)


def test_work_is_spread_over_the_seats_that_were_seen():
    stages = [collect(i) for i in range(6)]
    left = TimeLeft(stages)
    left.measured(collect(DONE), 10.0)
    left.begins(stages[0], "engine 1", at_once=1)
    assert left.seconds_left({}, 0.0) == 60.0
    left.begins(stages[1], "engine 2", at_once=2)
    assert left.seconds_left({}, 0.0) == 30.0


def test_two_pools_that_never_ran_at_once_take_the_sum_of_both():
    left = TimeLeft([collect(1), train(1)])
    left.measured(collect(DONE), 10.0)
    left.measured(train(DONE), 20.0)
    left.begins(collect(1), "engine 1", at_once=1)
    assert left.seconds_left({}, 0.0) == 30.0
    left.begins(train(1), "train 1", at_once=2)
    assert left.seconds_left({}, 0.0) == 20.0


def test_stages_that_wait_for_each_other_are_not_spread():
    first = collect(1)
    second = train(1, inputs={"pairs": first.digest})
    left = TimeLeft([first, second])
    left.measured(collect(DONE), 10.0)
    left.measured(train(DONE), 20.0)
    left.begins(collect(9), "engine 1", at_once=9)
    left.over(collect(9))
    assert left.seconds_left({}, 0.0) == 30.0


@pytest.mark.slow
def test_of_very_many_stages_the_spread_alone_decides():
    stages = [collect(0)]
    for number in range(1, 2001):
        stages.append(collect(number, {"before": stages[-1].digest}))
    left = TimeLeft(stages)
    left.measured(collect(DONE), 1.0)
    left.begins(stages[0], "engine 1", at_once=1)
    left.begins(stages[0], "engine 2", at_once=2)
    assert left.seconds_left({}, 0.0) == 2001 / 2
    left.over(stages[0])
    assert left.seconds_left({}, 0.0) == 2000


def test_a_stage_under_way_has_less_left():
    stage = train(1)
    left, progress = TimeLeft([stage]), StageProgress(stage, "train 1", 0.0)
    left.measured(train(DONE), 20.0)
    assert left.seconds_left({stage.digest: progress}, 15.0) == 5.0
    assert left.seconds_left({stage.digest: progress}, 25.0) == 0.0
    progress.advances(10.0, 10, 100, 0)
    progress.advances(20.0, 20, 100, 0)
    assert left.seconds_left({stage.digest: progress}, 20.0) == 80.0


def test_a_stage_under_way_tells_of_its_kind_while_none_was_measured():
    running, next_one = train(1), train(2, pairs=20)
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
