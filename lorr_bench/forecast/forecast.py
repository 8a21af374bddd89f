"""What a plan will cost, on this machine or on GPUs that are asked about."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from lorr_bench.forecast.device_hours import KindHours, hours_by_kind
from lorr_bench.forecast.devices import Devices
from lorr_bench.forecast.estimates import Estimates
from lorr_bench.forecast.machine import main_memory, this_machine
from lorr_bench.forecast.measured import measured_stages, model_size
from lorr_bench.forecast.memory import Machine
from lorr_bench.plan.plan import Plan
from lorr_bench.store.remote import is_url
from lorr_bench.store.store import Store, done_stages


@dataclass(frozen=True)
class Forecast:
    """A plan, and what it will cost.

    Attributes:
        estimates: Of its stages.
        machine: Of which machine they are.
        free_bytes: Free space where the store lies; None where it is not on this machine.
        missing_model: Command that fetches the description of the start model; empty where it is here.
        devices: That were asked about; None for those of this machine.
        hours: How long each kind of stage takes on them; empty likewise.
    """

    estimates: Estimates
    machine: Machine
    free_bytes: int | None
    missing_model: str = ""
    devices: Devices | None = None
    hours: tuple[KindHours, ...] = ()


def estimate_plan(
    plan: Plan, store: Store, own: Mapping[str, str], devices: Devices | None = None
) -> Forecast:
    """Estimate what is left of a plan, by what the store knows of stages that are done.

    Args:
        plan: The plan.
        store: Where results lie.
        own: The environment, for the GPUs that may be used.
        devices: To ask about in place of this machine's GPUs.
    """
    done = done_stages(plan.settled_stages, store)
    machine = machine_with(devices) if devices else this_machine(own)
    measured = measured_stages(plan.stages, done, store)
    estimates = Estimates(plan, done, measured, model_size, machine)
    model = plan.model
    fetch = f"hf download {model.path} config.json --revision {model.commit}"
    return Forecast(
        estimates=estimates,
        machine=machine,
        free_bytes=None if is_url(store.location) else free_bytes(store),
        missing_model="" if estimates.model or model.commit is None else fetch,
        devices=devices,
        hours=hours_by_kind(estimates, model_size, devices) if devices else (),
    )


def machine_with(devices: Devices) -> Machine:
    """This machine, if it had other GPUs."""
    return Machine((devices.device.memory_bytes,) * devices.number, main_memory())


def free_bytes(store: Store) -> int:
    """Free space on the disk on which a store lies, or will."""
    root = store.root.absolute()
    return shutil.disk_usage(next(folder for folder in (root, *root.parents) if folder.exists())).free
