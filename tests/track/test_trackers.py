"""Each tracker for real, where it is installed: what was logged is read back from what it wrote."""

import json
import os
import sqlite3
import struct

import pytest

from lorr_bench.errors import MissingPackageError
from lorr_bench.track import trackers
from lorr_bench.track.history import TrackedRun
from lorr_bench.track.trackers import MLflow, TensorBoard, Trackio, WandB, check_packages, flat

RUN = TrackedRun(
    "0123456789abcdef",
    "dpo+lorr, 400 pairs, seed 0",
    "nano",
    {"seed": 0, "hyperparameters": {"beta": 0.1}, "reset": None},
)
OTHER = TrackedRun("fedcba9876543210", "kto+plain, 400 pairs, seed 0", "nano", {"seed": 0})
FIRST = [(2, {"trainer/loss": 0.5, "replay": 1.0}), (4, {"trainer/loss": 0.25, "replay": 2.0})]
SECOND = [(4, {"score/easy": 0.75, "score/avg@8": 0.125})]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the trackers' own libraries
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def said():
    return []


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    """No tracker's variable of the caller; everything lies in the test's folder."""
    for name in list(os.environ):
        if name.startswith(("WANDB_", "MLFLOW_", "TRACKIO_", "TENSORBOARD_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # no credentials
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.chdir(tmp_path)


def write(tracker):
    """Two runs; the first is continued after the second."""
    for run, rows in [(RUN, FIRST), (OTHER, FIRST), (RUN, SECOND)]:
        tracker.open(run)
        for step, values in rows:
            tracker.log(step, values)
        tracker.close()


@pytest.mark.parametrize("library", ["tensorboard", "tensorboardX"])
def test_tensorboard(tmp_path, said, monkeypatch, library):
    pytest.importorskip("tensorboard")  # reads what either of them wrote
    if library == "tensorboardX":
        pytest.importorskip("tensorboardX")
        monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(TensorBoard(tmp_path, said.append))
    folder = tmp_path / "tensorboard" / "dpo+lorr_400_pairs_seed_0-01234567"
    found = EventAccumulator(str(folder)).Reload()
    assert [(e.step, e.value) for e in found.Scalars("trainer/loss")] == [(2, 0.5), (4, 0.25)]
    assert [(e.step, e.value) for e in found.Scalars("score/easy")] == [(4, 0.75)]
    (config,) = found.Tensors("config/text_summary")
    assert b'"beta": 0.1' in config.tensor_proto.string_val[0]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2


def test_tensorboard_goes_where_its_variable_says(tmp_path, said, monkeypatch):
    pytest.importorskip("tensorboard")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "elsewhere"))
    write(TensorBoard(tmp_path, said.append))
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2


def leveldb_records(log):
    """The records of a log in LevelDB's form, behind the header of the file: checksum, length, type, content."""
    place = 0
    while place < len(log):
        _, length, kind = struct.unpack_from("<IHB", log, place)
        assert kind == 1  # whole; a record that is split over blocks of 32 KiB is of another type
        yield log[place + 7 : place + 7 + length]
        place += 7 + length


def wandb_history(file):
    """Group, config and rows of an offline run, from the file that ``wandb sync`` uploads."""
    from wandb.proto import wandb_internal_pb2

    config, rows, group = {}, [], ""
    for content in leveldb_records(file.read_bytes()[7:]):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        if record.HasField("run"):
            group = record.run.run_group
            config |= {item.key: item.value_json for item in record.run.config.update}
        if record.HasField("history"):
            items = record.history.item
            row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
            rows.append({name: value for name, value in row.items() if not name.startswith("_")})
    return group, config, rows


def test_wandb_without_a_key_keeps_its_runs_here_and_says_so(tmp_path, said):
    pytest.importorskip("wandb")
    write(WandB(tmp_path, said.append))
    assert said == [f"wandb has no API key: runs are kept in {tmp_path / 'wandb'}, `wandb sync` uploads them"]
    files = sorted((tmp_path / "wandb").glob("offline-run-*/run-0123456789abcdef.wandb"))
    group, config, rows = wandb_history(files[0])
    assert group == "nano"
    assert config["hyperparameters"] == '{"beta":0.1}'
    assert rows == [
        {"trainer/loss": 0.5, "replay": 1, "optimizer_steps": 2},
        {"trainer/loss": 0.25, "replay": 2, "optimizer_steps": 4},
    ]
    assert wandb_history(files[1])[2] == [{"score/easy": 0.75, "score/avg@8": 0.125, "optimizer_steps": 4}]


def test_wandb_that_is_disabled_writes_nothing(tmp_path, said, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    write(WandB(tmp_path, said.append))
    assert said == []
    assert not list(tmp_path.glob("wandb/*run*"))


def test_mlflow(tmp_path, said):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from mlflow import MlflowClient

    write(MLflow(tmp_path, said.append))
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("nano")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert runs.keys() == {RUN.name, OTHER.name}
    run = runs[RUN.name]
    assert run.data.params == {"seed": "0", "hyperparameters.beta": "0.1", "reset": "None"}
    history = client.get_metric_history(run.info.run_id, "trainer/loss")
    assert [(metric.step, metric.value) for metric in history] == [(2, 0.5), (4, 0.25)]
    assert run.data.metrics["score/avg_8"] == 0.125
    assert run.info.status == "FINISHED"


def test_trackio(tmp_path, said):
    pytest.importorskip("trackio")
    import trackio.sqlite_storage  # it looks for its folder in the environment once

    place = trackio.sqlite_storage.TRACKIO_DIR
    write(Trackio(tmp_path, said.append))
    database = sqlite3.connect(place / "lorr-bench.db")
    rows = database.execute(
        "select step, json_extract(metrics, '$.\"trainer/loss\"'), json_extract(metrics, '$.\"score/easy\"')"
        " from metrics where run_name = ? order by id",
        (f"{RUN.name} (01234567)",),
    ).fetchall()
    database.close()
    assert rows == [(2, 0.5, None), (4, 0.25, None), (4, None, 0.75)]


def test_what_is_installed_passes():
    check_packages([])


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow", "trackio"])
def test_what_is_missing_is_named_with_the_command(monkeypatch, name):
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(MissingPackageError, match=f"{name} is not installed") as caught:
        check_packages([name])
    assert caught.value.fix == f"Install it: pip install {name}"


def test_mlflow_without_a_database_serves_with_a_server_alone(monkeypatch):
    monkeypatch.setattr(
        trackers.importlib.util, "find_spec", lambda module: None if module == "sqlalchemy" else "found"
    )
    check_packages(["mlflow"], {"MLFLOW_TRACKING_URI": "https://host"})
    with pytest.raises(MissingPackageError):
        check_packages(["mlflow"], {})


def test_tensorboardx_serves_as_well(monkeypatch):
    monkeypatch.setattr(
        trackers.importlib.util, "find_spec", lambda module: "found" if module == "tensorboardX" else None
    )
    check_packages(["tensorboard"])


def test_nested_settings_have_dotted_names():
    nested = {"a": {"b": 1, "c": {"d": None}}, "e": {}, "f": [1, 2]}
    assert flat(nested) == [("a.b", 1), ("a.c.d", None), ("e", {}), ("f", [1, 2])]
