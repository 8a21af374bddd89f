"""Which engine a stage gets, and what happens where it does not hold the model."""

import pytest
from scripted_fingerprint import put_fingerprint, start_folder
from stage_samples import sample

from lorr_bench.errors import StageError, UnprovenError
from lorr_bench.stages.task import EngineRoom, Task


class Doubted:
    """An engine that contradicts each model that it is told to, and remembers what happened to it."""

    replaceable = True

    def __init__(self, model, revision, doubts):
        self.began_with = model, revision
        self.holds = model
        self.doubts = doubts
        self.looked_at = []
        self.closed = False

    def load(self, model, revision):
        self.holds = model

    def disagreement(self, fingerprint):
        self.looked_at.append(self.holds)
        self.held_to = fingerprint.dtype
        return "it speaks otherwise" if self.holds in self.doubts else None

    def sleep(self):
        self.asleep = True

    def close(self):
        self.closed = True


@pytest.fixture
def room(tmp_path):
    """Run a stage on a model; gives the engine that it got, and has all engines and notices."""

    class Room:
        def __init__(self):
            self.engines, self.notices = [], []
            self.doubts = [set()]  # of each engine in turn; the last for all further ones
            self.rooms = EngineRoom(self.start)

        def start(self, model, revision, settings):
            doubts = self.doubts[min(len(self.engines), len(self.doubts) - 1)]
            self.settings = settings
            self.engines.append(Doubted(model, revision, doubts))
            return self.engines[-1]

        def holding(self, model=None, **parameters):
            inputs = {"start": start_folder(tmp_path)}
            if model is not None:
                inputs["model"] = tmp_path / model
                inputs["model"].mkdir(exist_ok=True)
                put_fingerprint(inputs["model"])
            stage = sample("answer_math", "answers of a stage", **parameters)
            self.task = Task(
                stage,
                inputs,
                tmp_path,
                tmp_path / "scratch",
                self.rooms,
                lambda *_: None,
                self.notices.append,
            )
            return self.task.engine()

    return Room()


def trained(tmp_path, name):
    return str(tmp_path / name / "model")


def test_one_engine_serves_all_models_and_is_looked_at_after_each_load(room, tmp_path):
    first = room.holding()
    assert room.holding("one") is first
    assert room.holding("two") is first
    start = ["the start", "the start"]  # once to know how exact the engine is
    assert first.looked_at == [*start, trained(tmp_path, "one"), trained(tmp_path, "two")]
    assert first.began_with == ("the start", None)
    assert room.notices == []


def test_a_swap_that_is_not_whole_gives_a_fresh_engine_and_a_word(room, tmp_path):
    model = trained(tmp_path, "one")
    room.doubts = [{model}, set()]
    engine = room.holding("one")
    assert engine is room.engines[1]
    assert engine.began_with == (model, None)
    assert engine.looked_at == [model]
    assert room.engines[0].closed
    assert room.notices == ["answers of a stage: it speaks otherwise. Starting a fresh engine."]
    assert {"engine_start", "load"} <= set(room.task.clock.parts)


def test_the_fresh_engine_is_kept(room):
    room.doubts = [{"the start"}, set()]
    engine = room.holding()
    assert room.holding() is engine is room.engines[1]


def test_a_fresh_engine_that_contradicts_too_ends_the_stage(room, tmp_path):
    room.doubts = [{trained(tmp_path, "one")}]
    with pytest.raises(StageError, match="it speaks otherwise, also in a fresh engine") as caught:
        room.holding("one")
    assert caught.value.where == "answers of a stage"
    assert "Nothing was measured" in caught.value.fix
    assert len(room.engines) == 2


@pytest.fixture
def one_engine(monkeypatch):
    """As on a GPU: an engine that has to end with its process."""
    monkeypatch.setattr(Doubted, "replaceable", False)


def test_where_a_process_has_one_engine_the_next_attempt_starts_a_fresh_one(room, tmp_path, one_engine):
    model = trained(tmp_path, "one")
    room.doubts = [{model}, set()]
    with pytest.raises(UnprovenError, match="it speaks otherwise") as caught:
        room.holding("one")
    assert (caught.value.may_pass, caught.value.where) == (True, "answers of a stage")
    assert "next attempt starts a fresh engine" in caught.value.fix
    assert [engine.closed for engine in room.engines] == [False]
    room.rooms = EngineRoom(room.start)  # of a new process
    assert room.holding("one").began_with == (model, None)


def test_a_fresh_engine_of_the_next_attempt_that_contradicts_too_ends_the_stage(room, tmp_path, one_engine):
    room.doubts = [{trained(tmp_path, "one")}]
    with pytest.raises(UnprovenError):
        room.holding("one")
    room.rooms = EngineRoom(room.start)
    with pytest.raises(StageError, match="also in a fresh engine") as caught:
        room.holding("one")
    assert not caught.value.may_pass
    assert len(room.engines) == 2


def test_the_next_stage_is_not_given_an_engine_that_failed(room, tmp_path):
    room.doubts = [{trained(tmp_path, "one")}]
    with pytest.raises(StageError):
        room.holding("one")
    assert room.holding().holds == "the start"


def test_a_room_at_rest_has_an_engine_that_sleeps(room):
    room.rooms.rest()  # there is none yet
    engine = room.holding()
    room.rooms.rest()
    assert engine.asleep


@pytest.mark.parametrize(("named", "dtype"), [({}, "float32"), ({"engine_dtype": "bfloat16"}, "bfloat16")])
def test_an_engine_is_started_in_its_dtype_and_held_to_it(room, named, dtype):
    engine = room.holding("one", **named)
    assert (room.settings.dtype, engine.held_to) == (dtype, dtype)


@pytest.mark.parametrize(("named", "invariant"), [({}, False), ({"batch_invariant": True}, True)])
def test_kernels_are_batch_invariant_where_the_suite_says_so(room, named, invariant):
    room.holding(**named)
    assert room.settings.batch_invariant == invariant
