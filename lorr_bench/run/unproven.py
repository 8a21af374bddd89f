"""Results from before engines had to prove which weights they hold."""

from __future__ import annotations

from lorr_bench.generate.fingerprint import FINGERPRINT_FILE
from lorr_bench.plan.plan import Plan
from lorr_bench.store.record import RECORD_FILE
from lorr_bench.store.store import Store


def unproven_warning(plan: Plan, store: Store) -> str | None:
    """What to say of trained models without a fingerprint, before a run that trains models.

    Args:
        plan: Of the run.
        store: Where results lie.

    Returns:
        None where the store holds no such model, or the plan has nothing left to train.
    """
    folders = (store.folder(stage) for stage in plan.stages if stage.kind == "train")
    if all(folder.exists() for folder in folders):
        return None
    trained = [file.parent for file in store.root.glob(f"train/*/{RECORD_FILE}")]
    unproven = sum(not (folder / FINGERPRINT_FILE).exists() for folder in trained)
    if not unproven:
        return None
    return (
        f"{store.root} holds {unproven} trained model{'s' * (unproven > 1)} from before engines had to prove "
        "which weights they hold. What was measured on them is not believed: what this suite needs is made "
        "again. `lorr-bench clean SUITE --unused` frees their room."
    )
