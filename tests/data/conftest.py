"""A stand-in for the Hub."""

from dataclasses import dataclass, field

import pytest


@dataclass
class Hub:
    """What ``datasets.load_dataset`` gives, and how it was asked."""

    rows: list = field(default_factory=list)
    calls: list = field(default_factory=list)

    def load_dataset(self, name, subset=None, **options):
        self.calls.append((name, subset, options))
        return self.rows


@pytest.fixture
def hub(monkeypatch):
    """No network: rows that a test sets, under any name."""
    import datasets

    hub = Hub()
    monkeypatch.setattr(datasets, "load_dataset", hub.load_dataset)
    return hub
