"""What a report reads from the records."""

from lorr_bench.store.results import replay_values


def test_measured_and_logged_values_of_a_replay_stand_together():
    metrics = {
        "diagnostics": [{"entropy": 0.9}, {"entropy": 0.8}],
        "replays": [{"loss": 0.7}, {"loss": 0.6, "grad_norm": 2.0}],
        "parameters": 12,
    }
    assert replay_values(metrics) == [
        {"entropy": 0.9, "trainer/loss": 0.7},
        {"entropy": 0.8, "trainer/loss": 0.6, "trainer/grad_norm": 2.0},
    ]


def test_a_logged_value_does_not_hide_a_measured_one():
    assert replay_values({"diagnostics": [{"entropy": 0.9}], "replays": [{"entropy": 0.1}]}) == [
        {"entropy": 0.9, "trainer/entropy": 0.1}
    ]


def test_a_replay_that_only_one_of_them_knows_is_kept():
    assert replay_values({"replays": [{"loss": 0.7}]}) == [{"trainer/loss": 0.7}]
    assert replay_values({"diagnostics": [{"entropy": 0.9}]}) == [{"entropy": 0.9}]


def test_a_record_without_either_gives_nothing():
    assert replay_values({}) == []
