"""What is to be exported, and whether it can be: known before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from fed_reid.data.ranges import require_number
from fed_reid.errors import UserError
from fed_reid.exporting.placing import refuse_existing, sidecar_of

# From 20 on ONNX has GELU as one operator; before, it is five, which not every runtime puts together again.
OPSET = 20
OPSETS = (18, 23)  # the exporter writes none below; nothing was tried above

Choice = TypeVar("Choice", bound=StrEnum)


class Outputs(StrEnum):
    """What the file gives."""

    FEATURES = "features"
    FEATURES_AND_VISIBILITY = "features_and_visibility"


class Precision(StrEnum):
    """Of the weights, and of what is computed with them."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"


class Quantization(StrEnum):
    """When the range of what a product takes is found."""

    DYNAMIC = "dynamic"  # at every product: exact, and a pass over the numbers
    STATIC = "static"  # once, from calibration crops


class Format(StrEnum):
    """Of the file."""

    ONNX = "onnx"
    TORCH = "torch"


SUFFIXES = {Format.ONNX: ".onnx", Format.TORCH: ".pt2"}


@dataclass(frozen=True)
class Order:
    """What is to be made.

    Attributes:
        out: File to write.
        format: See ``Format``.
        precision: See ``Precision``; other than float32 only as ONNX.
        quantization: See ``Quantization``; for 8-bit integers.
        outputs: See ``Outputs``.
        opset: Version of ONNX's operators.
    """

    out: Path
    format: Format
    precision: Precision
    quantization: Quantization
    outputs: Outputs
    opset: int


def parse_order(
    ckpt: str,
    out: str | None = None,
    format: str = Format.ONNX,
    precision: str = Precision.FLOAT32,
    quantization: str = Quantization.DYNAMIC,
    outputs: str = Outputs.FEATURES_AND_VISIBILITY,
    opset: int = OPSET,
) -> Order:
    """The keys of the command as an order.

    Args:
        ckpt: The checkpoint, whose name a file without one of its own gets, with the precision after it.
        out: File to write.
        format: See ``Order``, as all that follow.
        precision: Of the weights.
        quantization: Of 8-bit integers.
        outputs: Of the file.
        opset: Of ONNX.

    Raises:
        UserError: A value is none of its choices, they do not fit together, or the files exist.
    """
    form, kind = _choice(Format, "format", format), _choice(Precision, "precision", precision)
    if form == Format.TORCH and kind != Precision.FLOAT32:
        raise UserError(f"precision={kind}: only files of format=onnx have it; a torch program is float32.")
    ending = "" if kind == Precision.FLOAT32 else f"-{kind}"
    file = Path(out or Path(ckpt).with_name(f"{Path(ckpt).stem}{ending}{SUFFIXES[form]}"))
    if file.suffix != SUFFIXES[form]:
        raise UserError(f"out='{file}': expected a name that ends in {SUFFIXES[form]}, as files of format={form} do.")
    require_number("opset", opset, *OPSETS, whole=True)
    refuse_existing((file, sidecar_of(file)), "out")
    return Order(
        out=file,
        format=form,
        precision=kind,
        quantization=_choice(Quantization, "quantization", quantization),
        outputs=_choice(Outputs, "outputs", outputs),
        opset=opset,
    )


def _choice(kind: type[Choice], key: str, value: str) -> Choice:
    if value not in list(kind):
        raise UserError(f"{key}={value}: expected one of {', '.join(kind)}.")
    return kind(value)
