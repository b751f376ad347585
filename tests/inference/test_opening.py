"""Every kind of image that people have, and one sentence for what is none."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fed_reid.data.images import open_rgb
from fed_reid.errors import UserError
from fed_reid.inference import opening
from fed_reid.inference.opening import open_image

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)  # H, W


def rgb(image, name="it"):
    opened = open_image(image, name)
    assert opened.mode == "RGB"
    return np.asarray(opened)


def saved(path, image, **options):
    image.save(path, **options)
    return path


def test_an_ordinary_jpeg_is_what_evaluation_sees(tmp_path):
    path = saved(tmp_path / "ordinary.jpg", Image.fromarray(PIXELS))
    assert np.array_equal(rgb(path), np.asarray(open_rgb(path)))
    assert np.array_equal(rgb(path.read_bytes()), rgb(path))
    assert np.array_equal(rgb(Image.open(path)), rgb(path))


@pytest.mark.parametrize("name", ["two words.png", "José 行人 ß.png", "a,b='c'.png"])
def test_names_with_spaces_and_non_ascii(tmp_path, name):
    assert np.array_equal(rgb(str(saved(tmp_path / name, Image.fromarray(PIXELS)))), PIXELS)


def test_arrays():
    grey, alpha = PIXELS[..., 0], np.full((6, 4, 1), 255, np.uint8)
    for array, expected in [
        (PIXELS, PIXELS),
        (PIXELS[:, ::-1], PIXELS[:, ::-1]),
        (grey, np.repeat(grey[..., None], 3, 2)),
        (grey[..., None], np.repeat(grey[..., None], 3, 2)),
        (np.concatenate([PIXELS, alpha], 2), PIXELS),
        (PIXELS.astype(np.uint16) * 257, PIXELS),
    ]:
        assert np.array_equal(rgb(array), expected)


def test_cmyk(tmp_path):
    red = Image.new("CMYK", (4, 6), (0, 255, 255, 0))
    assert np.abs(rgb(saved(tmp_path / "print.jpg", red, quality=100)).astype(int) - (255, 0, 0)).max() < 6
    assert (rgb(saved(tmp_path / "print.tif", red)) == (255, 0, 0)).all()


def test_sixteen_bits_keep_their_high_byte(tmp_path):
    values = np.linspace(0, 65535, 24).reshape(6, 4).astype(np.uint16)
    expected = np.repeat((values >> 8).astype(np.uint8)[..., None], 3, 2)
    assert np.array_equal(rgb(saved(tmp_path / "grey.png", Image.fromarray(values))), expected)
    assert np.array_equal(rgb(saved(tmp_path / "grey.tif", Image.fromarray(values))), expected)
    assert np.array_equal(rgb(png16(values)), expected), "three channels of 16 bits"


def png16(values):
    """Pillow cannot write 16 bits in colour."""
    height, width = values.shape
    lines = b"".join(b"\0" + np.repeat(line[:, None], 3, 1).astype(">u2").tobytes() for line in values)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(lines))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in [*chunks, (b"IEND", b"")])


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_transparency_is_laid_on_white(tmp_path):
    alpha = np.array([[255, 0, 128, 255]] * 6, np.uint8)[..., None]
    picture = Image.fromarray(np.concatenate([PIXELS, alpha], 2))
    opened = rgb(saved(tmp_path / "cut_out.png", picture))
    assert np.array_equal(opened[:, [0, 3]], PIXELS[:, [0, 3]]), "what is opaque is left alone"
    assert (opened[:, 1] == 255).all()
    assert np.abs(opened[:, 2] - (PIXELS[:, 2] / 2 + 127.5)).max() < 2
    assert (rgb(saved(tmp_path / "palette.gif", Image.new("P", (4, 6), 0), transparency=0)) == 255).all()
    assert (rgb(Image.new("LA", (4, 6), (0, 0))) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    """Against Pillow's own way of turning; and what is opened twice is turned once."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "turned.png", Image.fromarray(PIXELS), exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    assert (expected.shape == PIXELS.shape) == (orientation < 5)
    assert np.array_equal(rgb(path), expected)
    assert np.array_equal(rgb(open_image(path, "it")), expected)


def test_damaged_metadata_does_not_cost_the_picture(tmp_path):
    path = saved(tmp_path / "odd.png", Image.fromarray(PIXELS), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert np.array_equal(rgb(path), PIXELS)


def test_animated_files_give_their_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 6), colour) for colour in ("red", "lime", "blue")]
    for suffix in ("gif", "png", "tif"):
        path = saved(tmp_path / f"moving.{suffix}", frames[0], save_all=True, append_images=frames[1:])
        assert (rgb(path) == (255, 0, 0)).all()


def test_a_picture_of_the_caller_is_left_as_it_was():
    mine = Image.new("RGBA", (4, 6), (10, 20, 30, 0))
    mine.info["note"] = "kept"
    open_image(mine, "it")
    assert mine.mode == "RGBA" and mine.info == {"note": "kept"} and mine.getpixel((0, 0)) == (10, 20, 30, 0)


def test_huge_images_are_refused_by_their_header(monkeypatch, tmp_path):
    """A kilobyte that would be gigabytes once decoded; Pillow's own limit, further up, gives a sentence as well."""

    def header(width, height):
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", b"")
        )

    bomb = header(60_000, 60_000)
    with pytest.raises(UserError, match=r"^it is 9,000 x 8,900 pixels; expected at most 80,000,000 in all"):
        open_image(header(9_000, 8_900), "it")
    with pytest.raises(
        UserError, match=r"^upload\.png has more pixels than a camera makes; expected at most 80,000,000"
    ):
        open_image(bomb, "upload.png")
    monkeypatch.setattr(opening, "MAX_PIXELS", 23)
    for image in (PIXELS, Image.fromarray(PIXELS), saved(tmp_path / "large.png", Image.fromarray(PIXELS))):
        with pytest.raises(UserError, match="it is 4 x 6 pixels; expected at most 23 in all"):
            open_image(image, "it")


def test_what_is_no_image(tmp_path):
    whole = io.BytesIO()
    Image.fromarray(PIXELS).resize((64, 64)).save(whole, "JPEG")
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    for image, sentence in [
        (tmp_path / "text.jpg", "it is not an image of a format that is known"),
        (tmp_path / "empty.jpg", "it is not an image of a format that is known"),
        (b"neither", "it is not an image of a format that is known"),
        (tmp_path / "cut.jpg", "it cannot be read as an image .*[Tt]runcated"),
        (tmp_path / "nowhere.jpg", "it does not exist; expected an image file"),
        (tmp_path, "it is a folder; expected an image file"),
        (None, "it is of type NoneType; expected a path"),
        (PIXELS / 255, r"it is an array of float64 \[6, 4, 3\]; expected .* uint8"),
        (np.zeros((3, 6, 5), np.uint8), r"it is an array of uint8 \[3, 6, 5\]"),
        (np.zeros((0, 4, 3), np.uint8), "it is 4 x 0 pixels"),
        (Image.new("F", (4, 6)), "it has pixels of 32-bit floating point"),
        (Image.fromarray(np.full((6, 4), 70_000, np.int32)), "it has pixels of 32 bits"),
    ]:
        with pytest.raises(UserError, match=f"^{sentence}"):
            open_image(image, "it")
