#!/bin/bash
#SBATCH --job-name=lorr-bench
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --mem=0
#SBATCH --time=24:00:00
#SBATCH --no-kill
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=lorr-bench-%j.log
#
# A suite on a Ray cluster that lives as long as the Slurm job:
#     sbatch docs/cluster/slurm.sh suites/your.yaml [more options of lorr-bench run]
#
# Adapt the lines above, and activate the environment that holds lorr-bench in the shell that submits. Submitted
# again, or requeued, it continues: --output and --store must lie on a path that all nodes share.
set -euo pipefail

# Whoever has the token can run code as you, so it is made for this job and goes with it.
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -vAn -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN
export RAY_USAGE_STATS_ENABLED=0

head=${SLURMD_NODENAME:-$(hostname -s)}
port=$((20000 + SLURM_JOB_ID % 10000)) # another job may have a cluster on the same machine
address=$head:$port

on_node() { # on_node NODE COMMAND...
    srun --overlap --nodes=1 --ntasks=1 --nodelist="$1" "${@:2}" &
}

ray_start=(ray start --block --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}"
    --object-store-memory=200000000)

trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
on_node "$head" "${ray_start[@]}" --head --port="$port" --include-dashboard=false \
    --temp-dir="/tmp/ray-$USER-$SLURM_JOB_ID"
until ray status --address="$address" >/dev/null 2>&1; do sleep 2; done
for node in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
    if [ "$node" != "$head" ]; then on_node "$node" "${ray_start[@]}" --address="$address"; fi
done

lorr-bench run "$@" --set execution.executor=ray --set "execution.address=$address"
