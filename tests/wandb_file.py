"""Reads a W&B run file back: records of wandb's protocol in the framing of LevelDB's log files."""

import json
import struct
from collections import defaultdict
from pathlib import Path

from wandb.proto import wandb_internal_pb2

FILE_HEADER, BLOCK = 7, 32768
CHUNK_HEADER = struct.Struct("<IHB")  # checksum, length, kind
FULL, LAST = 1, 4


def wandb_records(path: Path) -> dict[str, list]:
    """Every record of a ``.wandb`` file, by its kind, such as ``history``."""
    content = path.read_bytes()
    assert content[:4] == b":W&B"
    place, parts, found = FILE_HEADER, b"", defaultdict(list)
    while place < len(content):
        if BLOCK - place % BLOCK < CHUNK_HEADER.size:  # padding
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = CHUNK_HEADER.unpack_from(content, place)
        place += CHUNK_HEADER.size
        parts += content[place : place + length]
        place += length
        if kind in (FULL, LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            name, parts = record.WhichOneof("record_type"), b""
            found[name].append(getattr(record, name))
    return found


def history_of(records: dict[str, list]) -> dict[str, list]:
    """Logged values by name, in their order."""
    values = defaultdict(list)
    for row in records["history"]:
        for item in row.item:
            values[item.key or ".".join(item.nested_key)].append(json.loads(item.value_json))
    return values


def config_of(records: dict[str, list]) -> dict:
    """The config of the run, by its top keys."""
    updates = [update for record in records["config"] for update in record.update]
    updates += [update for record in records["run"] for update in record.config.update]
    return {update.key or update.nested_key[0]: json.loads(update.value_json) for update in updates}
