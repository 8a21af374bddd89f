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
    from accelerate.state import AcceleratorState

    prepare = AcceleratorState.__init__

    def shard(self, *args, **kwargs):
        prepare(self, *args, **kwargs)
        self.distributed_type = DistributedType.FSDP
        self.fsdp_plugin = kwargs.get("fsdp_plugin") or FullyShardedDataParallelPlugin()

    AcceleratorState.__init__ = shard
    return train(order, progress)
