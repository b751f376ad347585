#!/usr/bin/env bash
# One run on several machines without a scheduler. On each of two machines with four GPUs, NODE being 0 on the first:
#   HOST=first.machine NODES=2 NODE=0 DEVICES=4 RUN=runs/mine scripts/torchrun.sh experiment=occ_duke trainer=gpu
# RUN is a folder that all of them see. After a failure the same lines with resume=auto go on.
set -euo pipefail
: "${HOST:?name or address of the first machine}" "${NODES:?number of machines}" "${NODE:?this machine, from 0}"
: "${DEVICES:?GPUs of each machine}" "${RUN:?folder of the run, seen by all machines}"

exec torchrun --nnodes="$NODES" --node-rank="$NODE" --nproc-per-node="$DEVICES" \
    --master-addr="$HOST" --master-port="${PORT:-29500}" \
    -m fed_reid.train trainer.num_nodes="$NODES" trainer.devices="$DEVICES" hydra.run.dir="$RUN" "$@"
