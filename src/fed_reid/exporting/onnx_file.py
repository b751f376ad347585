"""Writes ONNX in float32, with standard operators alone, so that every runtime takes it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.export import ExportedProgram

from fed_reid.exporting.feature_model import INPUT

LARGEST = 1_900_000_000  # bytes; a file of protocol buffers ends at 2 GiB


def write_onnx(program: ExportedProgram, output_names: tuple[str, ...], path: Path, opset: int) -> None:
    """Writes one file, or where the weights are too large for one, ``<path>.data`` beside it.

    Args:
        program: From ``feature_model.trace``.
        output_names: In their order.
        path: To write.
        opset: Version of ONNX's operators.
    """
    with quiet():
        exported = torch.onnx.export(
            program,
            (),
            dynamo=True,
            optimize=True,
            verbose=False,
            opset_version=opset,
            input_names=[INPUT],
            output_names=list(output_names),
        )
    assert exported is not None  # it is where no file is named
    for node in exported.model.graph.all_nodes():
        node.metadata_props.clear()  # stack traces with the paths of this machine
    size = sum(weight.nbytes for weight in program.state_dict.values())
    exported.save(path, external_data=size > LARGEST)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps from the terminal what these packages tell their own developers, through the root logger too."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
