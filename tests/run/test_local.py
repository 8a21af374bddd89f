"""Stages side by side on this machine: slots, devices, and processes that die or fall silent."""

import os
import sys
from functools import partial
from pathlib import Path

import pytest
from stage_samples import ToldOrder, numbered, sample

from lorr_bench.events import Advanced, Ended, Failed
from lorr_bench.run.local import (
    LocalExecutor,
    Slot,
    WorkerProcess,
    log_file,
    make_slots,
    worker_environment,
)
from lorr_bench.spec.load import load_suite

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"
ECHO = (sys.executable, str(Path(__file__).parent / "echo_worker.py"))


def suite(*overrides):
    return load_suite(SMOKE, overrides).suite


def described(slots):
    return [(slot.pool, slot.devices, slot.threads) for slot in slots]


def test_two_cores_have_two_workers_of_one_thread_and_one_engine():
    slots, workers = make_slots(suite(), (), 2)
    assert workers == 2
    assert described(slots) == [("engine", (), 1), ("train", (), 1), ("train", (), 1), ("grade", (), 1)]


def test_the_wanted_number_of_workers_shares_the_cores():
    slots, workers = make_slots(suite("execution.workers=3", "engine.data_parallel_size=2"), (), 8)
    assert workers == 3
    assert [slot.pool for slot in slots] == ["engine"] * 2 + ["train"] * 3 + ["grade"]
    assert {slot.threads for slot in slots} == {2}


def test_many_cores_have_eight_workers():
    _, workers = make_slots(suite(), (), 64)
    assert workers == 8


def test_every_gpu_is_a_seat_for_training_and_for_an_engine():
    slots, workers = make_slots(suite(), ("0", "1"), 16)
    assert workers == 4
    assert [(str(slot)) for slot in slots] == [
        "engine 1, GPU 0",
        "engine 2, GPU 1",
        "train 1, GPU 0",
        "train 2, GPU 1",
        "grade 1",
    ]


def test_stages_that_need_several_gpus_get_groups_of_them():
    wanted = suite("training.num_processes=2", "engine.tensor_parallel_size=4", "engine.data_parallel_size=1")
    slots, _ = make_slots(wanted, ("0", "1", "2", "3", "4"), 16)
    assert described(slots) == [
        ("engine", ("0", "1", "2", "3"), 5),
        ("train", ("0", "1"), 5),
        ("train", ("2", "3"), 5),
        ("grade", (), 5),
    ]


def test_too_few_gpus_are_one_seat_and_the_stage_says_what_it_lacks():
    slots, _ = make_slots(suite("training.num_processes=4"), ("0", "1"), 4)
    assert [slot.devices for slot in slots if slot.pool == "train"] == [("0", "1")]


def test_what_the_user_set_wins():
    assert worker_environment({"OMP_NUM_THREADS": "7"}, Slot("train", 1, (), 2))["OMP_NUM_THREADS"] == "7"


def test_a_seat_has_its_own_gpus_whatever_the_user_sees():
    environment = worker_environment({"CUDA_VISIBLE_DEVICES": "4,5"}, Slot("train", 1, ("5",), 2))
    assert environment["CUDA_VISIBLE_DEVICES"] == "5"


def test_the_engine_is_not_pinned_to_cores_that_training_uses():
    assert worker_environment({}, Slot("engine", 1, (), 1))["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert "VLLM_CPU_OMP_THREADS_BIND" not in worker_environment({}, Slot("train", 1, (), 1))


@pytest.mark.parametrize(
    ("pool", "devices", "own", "expected"),
    [
        ("train", ("0",), {}, "expandable_segments:True"),
        ("train", ("0",), {"PYTORCH_ALLOC_CONF": "backend:native"}, "backend:native"),
        ("train", ("0",), {"PYTORCH_CUDA_ALLOC_CONF": "backend:native"}, None),
        ("train", (), {}, None),
        ("engine", ("0",), {}, None),
    ],
)
def test_trainers_on_gpus_alone_have_memory_in_segments_that_grow(pool, devices, own, expected):
    assert worker_environment(own, Slot(pool, 1, devices, 1)).get("PYTORCH_ALLOC_CONF") == expected


def test_a_log_has_a_readable_and_safe_name(tmp_path):
    stage = sample("train", "train dpo+lorr, 16 pairs/../seed 0")
    assert (
        log_file(tmp_path, stage)
        == tmp_path / "train" / f"train_dpo+lorr_16_pairs_.._seed_0.{stage.digest[:8]}.log"
    )


def stage_called(label, kind="train", number=0):
    return numbered(kind, int.from_bytes(label.encode()) + number, label)


@pytest.fixture
def executor(tmp_path):
    made = LocalExecutor(suite(), (), 2, partial(WorkerProcess, command=ECHO))
    made.order = lambda stage: ToldOrder(stage, {}, str(tmp_path), log_file(tmp_path, stage))
    yield made
    made.stop()


def finish(executor):
    """Events up to the end of one stage."""
    events = []
    while not events or isinstance(events[-1], Advanced):
        event = executor.next_event(30)
        assert event is not None
        events.append(event)
    return events


def test_events_of_a_stage(executor):
    stage = stage_called("work")
    assert executor.begin(executor.order(stage)) == "train 1"
    advanced, ended = finish(executor)
    assert (advanced.digest, advanced.done, advanced.total) == (stage.digest, 1, 2)
    assert isinstance(ended, Ended)


def test_a_warm_process_is_used_again(executor):
    pids = []
    for number in range(3):
        executor.begin(executor.order(stage_called("work", number=number)))
        pids.append(finish(executor)[-1].tokens)
    assert len(set(pids)) == 1


def test_no_more_stages_than_workers_and_grading_beside_them(executor):
    assert executor.takes(stage_called("a"))
    executor.begin(executor.order(stage_called("hang", number=1)))
    executor.begin(executor.order(stage_called("hang", number=2)))
    assert not executor.takes(stage_called("a"))
    assert not executor.takes(stage_called("a", "collect"))
    assert executor.takes(stage_called("a", "grade_math"))


def test_on_a_gpu_engine_and_training_take_turns(tmp_path):
    made = LocalExecutor(suite(), ("0", "1"), 2, partial(WorkerProcess, command=ECHO))
    try:
        first, second = stage_called("hang", number=1), stage_called("hang", number=2)
        made.begin(ToldOrder(first, {}, str(tmp_path), log_file(tmp_path, first)))
        assert made.takes(stage_called("a", "collect"))  # on the other GPU
        assert (
            made.begin(ToldOrder(second, {}, str(tmp_path), log_file(tmp_path, second))) == "train 2, GPU 1"
        )
        assert not made.takes(stage_called("a", "collect"))
        assert made.takes(stage_called("a", "grade_math"))
        made.end(first, "enough")
        assert made.next_event(30).digest == first.digest
        assert made.takes(stage_called("a", "collect"))
    finally:
        made.stop()


def test_training_leaves_the_gpus_of_engines_alone_while_there_are_others(tmp_path):
    made = LocalExecutor(
        suite("engine.data_parallel_size=1"), ("0", "1"), 2, partial(WorkerProcess, command=ECHO)
    )
    try:
        stages = [stage_called("hang", number=number) for number in (1, 2)]
        slots = [made.begin(ToldOrder(one, {}, str(tmp_path), log_file(tmp_path, one))) for one in stages]
        assert slots == ["train 2, GPU 1", "train 1, GPU 0"]
    finally:
        made.stop()


@pytest.mark.slow
def test_a_dead_process_is_a_failure_that_does_not_last_and_its_seat_starts_anew(executor):
    stage = stage_called("die")
    executor.begin(executor.order(stage))
    (failed,) = finish(executor)
    reason = "its process was killed, most often because memory ran out"
    assert failed == Failed(stage.digest, reason)
    executor.begin(executor.order(stage_called("work")))
    assert isinstance(finish(executor)[-1], Ended)


def test_an_exit_code_is_told(executor):
    executor.begin(executor.order(stage_called("exit")))
    assert finish(executor)[-1].reason == "its process ended with exit code 3"


@pytest.mark.slow
def test_a_process_that_failed_unforeseen_is_not_used_again(executor):
    executor.begin(executor.order(stage_called("work", number=1)))
    first = finish(executor)[-1].tokens
    executor.begin(executor.order(stage_called("fail")))
    assert finish(executor)[-1].reason == "it broke"
    executor.begin(executor.order(stage_called("work", number=2)))
    assert finish(executor)[-1].tokens != first


def test_a_process_that_could_explain_goes_on(executor):
    executor.begin(executor.order(stage_called("explain")))
    assert finish(executor)[-1].lasting
    executor.begin(executor.order(stage_called("work")))
    assert isinstance(finish(executor)[-1], Ended)


def test_a_stage_is_ended_by_force(executor):
    stage = stage_called("hang")
    executor.begin(executor.order(stage))
    executor.end(stage, "it took too long")
    assert finish(executor)[-1] == Failed(stage.digest, "it took too long")
    assert executor.takes(stage)


@pytest.mark.slow
def test_a_silent_process_is_ended_and_a_slow_one_is_not(tmp_path):
    executor = LocalExecutor(suite(), (), 2, partial(WorkerProcess, command=ECHO), silence_seconds=2.0)
    try:
        hang, slow = stage_called("hang"), stage_called("slow")
        executor.begin(ToldOrder(hang, {}, str(tmp_path), log_file(tmp_path, hang)))
        executor.begin(ToldOrder(slow, {}, str(tmp_path), log_file(tmp_path, slow)))
        ends = {event.digest: event for event in (finish(executor)[-1], finish(executor)[-1])}
    finally:
        executor.stop()
    assert "did not answer" in ends[hang.digest].reason
    assert isinstance(ends[slow.digest], Ended)


def test_nothing_happens_in_the_time(executor):
    assert executor.next_event(0.01) is None


def test_stop_ends_every_process_and_can_be_called_twice(executor):
    executor.begin(executor.order(stage_called("work")))
    pid = finish(executor)[-1].tokens
    executor.stop()
    executor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(("gpus", "apart"), [((), False), (("0", "1"), True)])
def test_engines_on_gpus_draw_each_answer_apart(gpus, apart):
    assert LocalExecutor(suite(), gpus, 2).draws_apart() is apart
