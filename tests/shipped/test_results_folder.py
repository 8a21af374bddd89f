"""Where results lie when no option says it."""

from pathlib import Path

import pytest

from lorr_bench.errors import StoreError
from lorr_bench.shipped import results
from lorr_bench.shipped.results import results_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """As in an installed package: the suites are a folder of it, no link out of it."""
    monkeypatch.setattr(results, "PACKAGED", tmp_path / "shipped")
    monkeypatch.setattr(results, "SUITES", tmp_path / "shipped" / "suites")


def test_a_file_has_them_in_the_current_folder():
    assert results_folder({"XDG_DATA_HOME": "/data"}, named=False) == Path("results")


def test_a_name_has_them_in_the_checkout():
    assert results_folder({"XDG_DATA_HOME": "/data"}, named=True) == ROOT / "results"


@pytest.mark.usefixtures("installed")
def test_a_name_has_them_in_the_data_of_the_account():
    assert results_folder({"XDG_DATA_HOME": "/data"}, named=True) == Path("/data/lorr-bench")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("variables", [{}, {"XDG_DATA_HOME": ""}, {"XDG_DATA_HOME": "relative"}])
def test_the_data_of_the_account_lie_where_the_xdg_specification_says(monkeypatch, variables):
    monkeypatch.setenv("HOME", "/home/ada")
    assert results_folder(variables, named=True) == Path("/home/ada/.local/share/lorr-bench")


@pytest.mark.parametrize("named", [True, False])
def test_the_variable_is_for_both(named):
    assert results_folder({"LORR_BENCH_RESULTS": "/scratch/ada"}, named=named) == Path("/scratch/ada")


@pytest.mark.usefixtures("installed")
def test_an_account_without_a_home_is_told_what_to_set(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(StoreError) as caught:
        results_folder({}, named=True)
    assert "LORR_BENCH_RESULTS" in caught.value.fix
