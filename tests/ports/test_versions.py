"""Versions of packages."""

from importlib.metadata import version

from lorr_bench.ports.versions import installed_versions, package_version


def test_the_first_installed_package_counts():
    assert package_version("no-such-package", "pytest", "pydantic") == version("pytest")


def test_no_package_is_none():
    assert package_version("no-such-package") == "none"


def test_versions_by_name():
    assert installed_versions("pytest", "no-such-package") == {
        "pytest": version("pytest"),
        "no-such-package": "none",
    }
