"""What one rank of ``test_training_ranks`` trains, one job after the other; found through PYTHONPATH."""

import native_work
import own_work
import trl_work

TRAIN = {"native": native_work.train, "trl": trl_work.train, "own": own_work.train}


def train(order, progress):
    """What each job has seen, by its name."""
    return {job["name"]: TRAIN[job["adapter"]](job, progress) for job in order["jobs"]}


def train_sharded(order, progress):
    """The same; accelerate, which shards on accelerators only, is told that there is one."""
    from accelerate import DistributedType, FullyShardedDataParallelPlugin
    from accelerate.state import AcceleratorState, PartialState

    prepare = AcceleratorState.__init__

    def shard(self, *args, **kwargs):
        is_made = AcceleratorState._shared_state.get("distributed_type") == DistributedType.FSDP
        prepare(self, *args, **kwargs)
        if is_made:  # all of them share what they know
            return
        plugin = kwargs.get("fsdp_plugin") or FullyShardedDataParallelPlugin()
        if self._mixed_precision != "no":
            plugin.set_mixed_precision(self._mixed_precision)  # as accelerate does where it shards
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, plugin
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    AcceleratorState.__init__ = shard
    return train(order, progress)
