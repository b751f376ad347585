#!/usr/bin/env bash
# One run on the GPUs of several nodes, from the folder that the runs are kept in:
#   sbatch --nodes=2 scripts/slurm.sh experiment=occ_duke trainer=gpu
# Two minutes before its time is over the job writes a checkpoint, goes back into the queue and goes on from it.
#SBATCH --job-name=fed-reid
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=10
#SBATCH --time=08:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.log
set -uo pipefail

# A task for each GPU. The folder is named after the job, so that all tasks agree on it, after a restart too.
srun --kill-on-bad-exit=1 python -m fed_reid.train \
    trainer.num_nodes="$SLURM_JOB_NUM_NODES" trainer.devices="$SLURM_NTASKS_PER_NODE" \
    hydra.run.dir="runs/slurm-$SLURM_JOB_ID" resume=auto "$@"
status=$?
if [ "$status" -eq 75 ]; then # interrupted, with a checkpoint
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
fi
exit "$status"
