"""The token numbers that really reach a trainer, taken from its own batches."""


def sequences_of_native(adapter, job):
    """Every sequence of the job, each with the number of its tokens that are scored."""
    trees = adapter.training_rows(job).trees
    return [(tuple(ids), len(ids) - tree.prompt_length) for tree in trees for ids in tree.sequences]


def sequences_of_trl(adapter, job):
    """Likewise, from the one batch that the trainer's own loader gives; scored tokens by mask or label."""
    [batch] = list(adapter.trainer(job).get_train_dataloader())
    found = []
    for side in ("", "chosen_", "rejected_"):
        if f"{side}input_ids" not in batch:
            continue
        labels = batch.get(f"{side}labels")
        scored = labels != -100 if labels is not None else batch["completion_mask"].bool()
        lines = zip(batch[f"{side}input_ids"], batch[f"{side}attention_mask"].bool(), scored, strict=True)
        for ids, present, response in lines:
            found.append((tuple(ids[present].tolist()), int((response & present).sum())))
    return found


def sequences(adapter, job):
    """Likewise, of either backend."""
    return (sequences_of_native if adapter.backend == "native" else sequences_of_trl)(adapter, job)
