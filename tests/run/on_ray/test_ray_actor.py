"""The part of a Ray slot that runs on a node, without Ray."""

import socket
import sys
from pathlib import Path

import pytest
from stage_samples import ToldOrder, sample

from lorr_bench.events import Advanced, Ended
from lorr_bench.plan.identity.origins import NANO_MODEL, PACKAGE
from lorr_bench.run.ray import actor
from lorr_bench.run.ray.actor import NodeSlot, missing_on_node, read_on, relocated

ECHO = (sys.executable, str(Path(__file__).parents[1] / "echo_worker.py"))
PRINT = """
import json, os, sys
for line in sys.stdin:
    order = json.loads(line)
    with open(order["log"], "a") as log:
        print(order["stage"]["label"], os.environ["CUDA_VISIBLE_DEVICES"], file=log)
    print(json.dumps({"event": "Ended", "digest": "", "seconds": 1.0, "tokens": 0}), flush=True)
"""
PRINTING = (sys.executable, "-c", PRINT)


def request(label="work", token=None, kind="train", **setting):
    stage = sample(kind, label, setting=setting)
    order = ToldOrder(stage, {}, "a store", Path("/the/driver's/log")).to_dict()
    return {"digest": stage.digest, "order": order, "package": str(PACKAGE), "token": token}


@pytest.fixture
def make_slot():
    made = []

    def make(command=ECHO, **options):
        made.append(NodeSlot("train", 1, 1, command, **options))
        return made[-1]

    yield make
    for slot in made:
        slot.stop()


def listen(slot, known=0, read=0):
    """What it tells up to the end of the stage, and its log."""
    events, log = [], ""
    while not events or isinstance(events[-1], Advanced):
        heard = slot.hear(known + len(events), read)
        events, log, read = [*events, *heard["events"]], log + heard["log"], heard["read"]
    return events, log


def test_a_stage_is_worked_on_and_told(make_slot):
    slot = make_slot()
    slot.begin(request(), [])
    events, _ = listen(slot)
    assert [type(event) for event in events] == [Advanced, Ended]


def test_what_was_not_heard_is_told_again(make_slot):
    slot = make_slot()
    slot.begin(request(), [])
    events, _ = listen(slot)
    assert slot.hear(1, 0)["events"] == events[1:]
    assert slot.hear(1, 0)["events"] == events[1:]


def test_a_warm_worker_is_used_again(make_slot):
    slot, pids = make_slot(), set()
    for label in ("one", "two"):
        slot.begin(request(label), [])
        pids.add(listen(slot)[0][-1].tokens)
    assert len(pids) == 1


@pytest.mark.slow
def test_a_dead_worker_is_a_failure_that_does_not_last_and_the_seat_goes_on(make_slot):
    slot = make_slot()
    slot.begin(request("die"), [])
    (failed,), _ = listen(slot)
    assert not failed.lasting
    assert "was killed" in failed.reason
    slot.begin(request("work"), [])
    assert isinstance(listen(slot)[0][-1], Ended)


def test_a_worker_that_failed_unforeseen_is_not_used_again(make_slot):
    slot, pids = make_slot(), set()
    for label in ("one", "fail", "two"):
        slot.begin(request(label), [])
        pids |= {event.tokens for event in listen(slot)[0] if isinstance(event, Ended)}
    assert len(pids) == 2


def test_a_silent_worker_is_ended(make_slot, monkeypatch):
    monkeypatch.setattr(actor, "LISTEN_SECONDS", 0.05)
    slot = make_slot(silence_seconds=0.1)
    slot.begin(request("hang"), [])
    (failed,), _ = listen(slot)
    assert "did not answer" in failed.reason


def test_the_log_of_each_stage_is_brought_once(make_slot):
    slot = make_slot(PRINTING)
    slot.begin(request("first"), [])
    assert listen(slot)[1].split() == ["first"]
    slot.begin(request("second"), [])
    assert listen(slot)[1].split() == ["second"]


@pytest.mark.slow
def test_a_worker_sees_the_gpus_of_its_seat_and_no_others(make_slot, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    slot = make_slot(PRINTING)
    slot.begin(request("gpus:"), ["2", "3"])
    assert listen(slot)[1].split() == ["gpus:", "2,3"]
    without = make_slot(PRINTING)
    without.begin(request("gpus:"), [])
    assert listen(without)[1].split() == ["gpus:"]


def test_of_a_great_log_the_end_is_read(tmp_path):
    log = tmp_path / "log"
    log.write_text("0123456789", "utf-8")
    assert read_on(log, 2) == ("23456789", 10)
    assert read_on(log, 2, max_bytes=3) == ("[5 bytes left out]\n789", 10)
    assert read_on(log, 10) == ("", 10)


def test_a_letter_cut_in_two_does_not_stop_the_reading(tmp_path):
    log = tmp_path / "log"
    log.write_bytes("αβ".encode())
    text, read = read_on(log, 1)
    assert text.endswith("β")
    assert read == 4


def test_paths_in_the_package_are_those_of_this_machine():
    sent = {"setting": {"model_path": "/there/data/nano/model", "sizes": [1, "/there/x"], "revision": None}}
    here = relocated(sent, "/there", "/here")
    assert here == {
        "setting": {"model_path": "/here/data/nano/model", "sizes": [1, "/here/x"], "revision": None}
    }


def test_paths_elsewhere_stay():
    assert relocated(["/thereabouts", "a /there/b", "nano/easy"], "/there", "/here") == [
        "/thereabouts",
        "a /there/b",
        "nano/easy",
    ]


def test_the_embedded_model_is_found_wherever_the_package_lies(make_slot):
    sent = request(model_path=f"/elsewhere/{NANO_MODEL.relative_to(PACKAGE)}")
    slot = make_slot()
    slot.begin({**sent, "package": "/elsewhere"}, [])
    assert isinstance(listen(slot)[0][-1], Ended)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("train", {"model_path": "/nowhere/model"}),
        ("answer_math", {"source": "/nowhere/model"}),
        ("evaluate_general", {"include_path": "/nowhere/model"}),
        ("score", {"model_path": "/nowhere/model"}),
    ],
)
def test_a_path_that_the_node_lacks_is_named_and_nothing_is_begun(make_slot, kind, setting):
    slot = make_slot()
    slot.begin(request(kind=kind, **setting), [])
    (failed,), _ = listen(slot)
    assert failed.lasting
    assert f"{socket.gethostname()} has no /nowhere/model" in failed.reason


def test_a_path_that_the_node_lacks_for_a_part_is_named():
    order = request(kind="part")["order"]
    order["stage"]["setting"]["stage"]["setting"]["model_path"] = "/nowhere/model"
    assert "has no /nowhere/model" in missing_on_node(order, None)


def test_a_name_of_the_hub_is_no_path():
    order = request(kind="collect", model_path="org/name", source="nano/easy")["order"]
    assert missing_on_node(order, None) == ""


def test_a_store_that_the_node_does_not_share_is_named(tmp_path):
    order = request()["order"]
    assert "does not see the store a store" in missing_on_node(order, str(tmp_path / "token"), 0.0)
    (tmp_path / "token").touch()
    assert missing_on_node(order, str(tmp_path / "token"), 0.0) == ""
