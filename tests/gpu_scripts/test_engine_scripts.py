"""The engine's GPU scripts: one run at toy size, and what the others would say of right and wrong findings."""

import json
import os
import types
from contextlib import contextmanager
from pathlib import Path

import pytest
from warm_process import run_warm

from lorr_bench.errors import ModelError, StoreError

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "gpu"


@pytest.fixture
def script(monkeypatch):
    """A script as a module, by name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(os, "environ", dict(os.environ))  # what the scripts set is for their own process

    def load(name):
        return __import__(name)

    return load


@pytest.mark.slow
def test_the_script_of_seeds_runs_on_a_cpu():
    done = run_warm(SCRIPTS / "engine_seeds.py", "--toy", environment=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.splitlines()[-1].startswith("engine_seeds: pass on CPU: ")


def answers(share=lambda origin: origin):
    """Texts of two seeds, two prompts, two answers; those of the same share are the same."""
    origins = [(seed, prompt, number) for seed in (0, 1) for prompt in "ab" for number in (0, 1)]
    return {origin: str(share(origin)) for origin in origins}


def test_streams_of_their_own_are_no_fault(script):
    assert script("engine_seeds")._streams(answers()) == ("8 streams for 8 answers", [])


def test_vllm_s_own_seeds_of_answers_are_found(script):
    """Answer i of seed s is drawn from s + i, whatever the prompt: three streams for eight answers."""
    found, faults = script("engine_seeds")._streams(answers(lambda origin: origin[0] + origin[2]))
    assert found == "3 streams for 8 answers"
    # s + i is 0 or 2 for two answers, one pair each across the prompts; 1 for four: two of seed 0, two of seed 1.
    assert faults == [
        "4 pairs of answers share a stream between seeds",
        "6 pairs of answers share a stream between prompts",
    ]


def test_answers_of_one_prompt_from_one_stream_are_found(script):
    _, faults = script("engine_seeds")._streams(answers(lambda origin: origin[:2]))
    assert faults == ["4 pairs of answers share a stream between answers of a prompt and seed"]


def test_answers_too_short_to_tell_are_left_out(script):
    few = {**answers(lambda _: "x"), (0, "a", 0): None}
    assert script("engine_seeds")._streams(few)[0] == "1 streams for 7 answers"


@pytest.mark.parametrize(
    ("swapped", "reference", "said"),
    [
        (((7,), -2.0), ((7,), -2.0), None),
        (((8,), -2.0), ((7,), -2.0), "1 of 1 answers and 0 nats away"),
        (((7,), -2.1), ((7,), -2.0), "0 of 1 answers and 0.1 nats away"),
        (((6,), -1.0), ((6,), -1.0), "nothing could be seen"),
    ],
)
def test_a_swap_is_judged_by_a_fresh_engine(script, swapped, reference, said):
    engine_swap, engines = script("engine_swap"), script("engines")

    def says(answer, log_prob):
        return engines.Said((answer,), ((log_prob,),))

    before = says((6,), -1.0)
    judged = (engine_swap.CASES[0], before, says(*swapped), before, says(*reference))
    if said is None:
        engine_swap._judge(*judged)
    else:
        with pytest.raises(script("script").WrongError, match=said):
            engine_swap._judge(*judged)


def test_a_swap_back_is_judged_too(script):
    engines = script("engines")
    first, second = (engines.Said(((n,),), ((-float(n),),)) for n in (1, 2))
    case = script("engine_swap").CASES[0]
    with pytest.raises(script("script").WrongError, match="swapped back, 1 answers and 1 nats"):
        script("engine_swap")._judge(case, first, second, second, second)


@pytest.mark.slow
def test_nearly_the_same_weights_are_others_by_a_twentieth(script, tmp_path):
    from safetensors.torch import load_file

    model = script("random_models").random_model("toy", tmp_path)
    near = script("engine_swap")._nearly(model, tmp_path / "near")
    one, two = (load_file(folder / "model.safetensors") for folder in (model, near))
    name = "model.layers.0.mlp.up_proj.weight"
    assert ((two[name] - one[name]).std() / one[name].std()).item() == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (ModelError("no memory"), True),
        (StoreError("it may pass"), False),
        (RuntimeError("CUDA"), False),
        (None, False),
    ],
)
def test_an_error_beside_training_that_ends_the_arm_is_a_fault(script, monkeypatch, error, lasting):
    @contextmanager
    def start(*_):
        if error:
            raise error
        yield

    beside = script("engine_beside_training")
    monkeypatch.setattr(beside, "ours", start)
    said, found = beside._try(Path("model"))
    assert found == lasting
    assert said == (f"{type(error).__name__} ({error})" if error else "it started all the same")


def test_a_training_that_ends_by_itself_is_told(script):
    here = types.SimpleNamespace(poll=lambda *_: False)
    ended = types.SimpleNamespace(is_alive=lambda: False, exitcode=-9, name="the training")
    with pytest.raises(script("script").WrongError, match="the training ended with exit code -9"):
        script("engine_beside_training")._wait(here, ended)


@pytest.mark.parametrize(
    ("nats", "left", "said"), [(0.0, 7.9, None), (0.02, 1.0, "0.02 nats"), (0.0, 8.1, "8.1 GiB")]
)
def test_an_engine_that_slept_is_judged_by_answers_and_memory(script, nats, left, said):
    engines, sleep = script("engines"), script("engine_sleep")
    found, reference = (engines.Said(((1,),), ((value,),)) for value in (-1.0 - nats, -1.0))
    if said is None:
        sleep._judge(found, reference, left)
    else:
        with pytest.raises(script("script").WrongError, match=said):
            sleep._judge(found, reference, left)


def test_the_published_score_is_that_of_the_start_model(script):
    quickstart = script("engine_quickstart")
    assert quickstart.start_score(quickstart.PUBLISHED) == 0.471


@pytest.mark.slow
def test_a_finished_run_is_looked_at(script, smoke):
    output, _ = smoke
    quickstart = script("engine_quickstart")
    said = quickstart.look_at(output, whole=False)
    assert "100.0% of its answers the argmax of transformers" in said
    with pytest.raises(script("script").WrongError, match="published from a CPU"):
        quickstart.look_at(output, whole=True)  # 40 of the 1,000 problems have another score


def test_a_run_with_failed_stages_is_a_fault(script, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"failed": {"train": "no memory"}, "halted": ""}), "utf-8")
    with pytest.raises(script("script").WrongError, match="no memory"):
        script("engine_quickstart").look_at(tmp_path, whole=True)


@pytest.mark.parametrize(
    ("grpo", "stale", "said"),
    [(0.03, 20, None), (0.2, 20, "draws with other weights"), (0.03, 0.2, "could not be seen")],
)
def test_drawn_answers_are_judged_by_transformers(script, grpo, stale, said):
    online = script("engine_online")
    apart = {"grpo": grpo, online.STALE: stale}
    if said is None:
        online._judge(apart)
    else:
        with pytest.raises(script("script").WrongError, match=said):
            online._judge(apart)


def test_what_an_engine_that_sleeps_gives_back_is_told(script, monkeypatch):
    online = script("engine_online")
    taken = iter([36.0, 3.5])
    monkeypatch.setattr(online, "used_gib", lambda: next(taken))
    timed = online.Timed(types.SimpleNamespace(context=128, sleep=lambda: None))
    timed.sleep()
    assert timed.asleep == [32.5]
