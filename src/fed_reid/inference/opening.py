"""Any image to RGB: whatever people have on disk, in memory or from the network, or one sentence on why not.

A file of 8-bit RGB without an orientation gives what evaluation sees, to the bit. Others are turned as their EXIF tag
says; transparency is laid on white; of 16 bits the high byte counts; of several frames the first one; CMYK and palettes
are converted as Pillow does it, without colour profiles.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fed_reid.errors import UserError

ImageLike: TypeAlias = str | Path | Image.Image | NDArray[Any] | bytes

MAX_PIXELS = 80_000_000  # 240 MB once decoded, more than a camera makes; beyond it a small file may be a bomb
EXPECTED = "expected a path, a PIL image, an array of uint8 [H, W, 3] in RGB, or the bytes of an image file"

_WHITE = (255, 255, 255, 255)
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # "I" is how some versions of Pillow open 16-bit files
_TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")
_ORIENTATION = 0x0112  # EXIF tag
_USUAL = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # tried first
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_image(image: ImageLike, name: str) -> Image.Image:
    """Decodes one image.

    Args:
        image: A path; a whole image file as bytes; a PIL image; or uint8 or uint16 [H, W], [H, W, 1], [H, W, 3] or
            [H, W, 4], in RGB and not in OpenCV's BGR.
        name: What messages call it.

    Returns:
        RGB, upright.

    Raises:
        UserError: It is missing, damaged, too large, or no image.
    """
    try:
        if isinstance(image, str | Path):
            return _open_file(Path(image), name)
        if isinstance(image, bytes):
            with Image.open(io.BytesIO(image), formats=_formats()) as file:
                return _to_rgb(file, name)
        if isinstance(image, np.ndarray):
            return _to_rgb(_from_array(image, name), name)
        if isinstance(image, Image.Image):
            return _to_rgb(image, name)
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise UserError(f"{name} has more pixels than a camera makes; expected at most {MAX_PIXELS:,}.") from error
    except UnidentifiedImageError as error:
        raise UserError(f"{name} is not an image of a format that is known: restore it or remove it.") from error
    except Exception as error:  # damaged files make Pillow's plugins raise a dozen types, struct.error among them
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{name} cannot be read as an image ({reason}): restore it or remove it.") from error
    raise UserError(f"{name} is of type {type(image).__name__}; {EXPECTED}.")


def _open_file(path: Path, name: str) -> Image.Image:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{name} {found}; expected an image file.")
    with Image.open(path, formats=_formats()) as file:
        return _to_rgb(file, name)


@cache
def _formats() -> list[str]:
    """What Pillow opens, but EPS: a program, which Pillow hands to Ghostscript to run."""
    Image.init()
    return [*_USUAL, *(name for name in Image.ID if name not in (*_USUAL, "EPS"))]


def _from_array(array: NDArray[Any], name: str) -> Image.Image:
    shape, kind = list(array.shape), array.dtype
    if kind not in (np.uint8, np.uint16) or array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)):
        raise UserError(f"{name} is an array of {kind} {shape}; {EXPECTED}.")
    _refuse_size(name, width=shape[1], height=shape[0])
    if kind == np.uint16:
        array = (array >> 8).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if shape[2:] == [1] else array))


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    _refuse_size(name, *image.size)
    turn = _TURN.get(_orientation(image))
    if image.mode == "F":
        raise UserError(f"{name} has pixels of 32-bit floating point; expected 8 or 16 bits a channel.")
    if image.mode in _SIXTEEN_BITS:
        image = _high_byte(image, name)
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image.convert("RGBA"))
    image = image.convert("RGB")
    image = image if turn is None else image.transpose(turn)
    image.info = {}  # without the tag that has been obeyed: whoever opens the result again would turn it again
    return image


def _refuse_size(name: str, width: int, height: int) -> None:
    """Asked of the header, before anything is decoded."""
    if not width or not height:
        raise UserError(f"{name} is {width} x {height} pixels; expected an image of at least one.")
    if width * height > MAX_PIXELS:
        raise UserError(
            f"{name} is {width:,} x {height:,} pixels; expected at most {MAX_PIXELS:,} in all: cut the person out, or "
            "shrink it."
        )


def _orientation(image: Image.Image) -> int:
    """As the EXIF tag says; 1, that is upright, where it says nothing that can be understood."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # whatever a damaged block of metadata raises, the picture beside it is good
        return 1


def _high_byte(image: Image.Image, name: str) -> Image.Image:
    """16-bit grey to 8 bits; Pillow's own conversion would turn all but the darkest pixels white."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise UserError(f"{name} has pixels of 32 bits; expected 8 or 16 bits a channel.")
    return Image.fromarray((values.astype(np.uint16) >> 8).astype(np.uint8))
