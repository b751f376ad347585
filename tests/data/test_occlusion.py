"""The three occluders: where they paste, how often, and that the image they are given stays as it is."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from fed_reid.data.npo_paste import NPOPaste
from fed_reid.data.occlusion import NoOcclusion
from fed_reid.data.random_erasing import RandomErasing
from fed_reid.data.randomness import Randomness
from fed_reid.data.records import Benchmark, RetrievalSplit
from fed_reid.errors import UserError
from tests.conftest import write_image

HEIGHT, WIDTH = 64, 32
IMAGE = np.full((HEIGHT, WIDTH, 3), 7, dtype=np.uint8)


def prepared(occluder, patches):
    occluder.prepare(Benchmark("Toy", patches.parent, [], RetrievalSplit([], {}), occluders=patches))
    return occluder


def draws(occluder, count=200):
    """(occluded image, top, bottom, left, right) of each draw; None instead of a box where nothing is covered."""
    for seed in range(count):
        occluded, covered = occluder(IMAGE, Randomness.from_seed(seed))
        assert (IMAGE == 7).all()
        assert (occluded[~covered] == 7).all()
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        if not len(rows):
            yield occluded, None
            continue
        box = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        assert covered.sum() == (box[1] - box[0]) * (box[3] - box[2])
        yield occluded, box


@pytest.mark.parametrize(("patch_height", "strip"), [(61, True), (60, False), (20, False)])  # 30 wide: 2 is no strip
def test_paste_geometry(tmp_path, patch_height, strip):
    write_image(tmp_path / "patches" / "a.jpg", 0, height=patch_height, width=30)
    places, sizes = Counter(), set()
    for _, (top, bottom, left, right) in draws(prepared(NPOPaste(), tmp_path / "patches")):
        if strip:
            assert (top, bottom) == (0, HEIGHT) and (left == 0) != (right == WIDTH)
            sizes.add(right - left)
            places[left == 0] += 1
        else:
            assert (left, right) == (0, WIDTH) and (top == 0) != (bottom == HEIGHT)
            sizes.add(bottom - top)
            places[top == 0] += 1
    side = WIDTH if strip else HEIGHT
    assert sizes == set(range(side // 4, side // 2 + 1))  # 200 draws of at most 17 sizes meet them all
    assert min(places.values()) > 70


def test_only_bands_change_colour(tmp_path):
    for name, size in (("strip", (10, 40)), ("band", (40, 10))):
        (tmp_path / name).mkdir()
        Image.new("RGB", size, (100, 60, 60)).save(tmp_path / name / "a.png")

    def colours(folder):
        found = draws(prepared(NPOPaste(), tmp_path / folder), 30)
        return {tuple(image[box[0] + 1, box[2] + 1]) for image, box in found}

    assert colours("strip") == {(100, 60, 60)}
    assert len(colours("band")) > 20


def test_probability(toy_tree):
    boxes = [box for _, box in draws(prepared(NPOPaste(probability=0.5), toy_tree / "occluders"))]
    assert 70 < boxes.count(None) < 130


def test_repeats_from_the_seed(toy_tree):
    paste = prepared(NPOPaste(), toy_tree / "occluders")
    first, second = (np.stack([image for image, _ in draws(paste, 20)]) for _ in range(2))
    assert (first == second).all()


def test_patches_of_any_case_and_nothing_else(toy_tree):
    (toy_tree / "occluders" / "notes.txt").write_text("no patch")
    paste = prepared(NPOPaste(), toy_tree / "occluders")
    assert paste.num_patches == 3


def test_patch_folder_missing_or_empty(tmp_path):
    with pytest.raises(UserError, match=r"patches .*does not exist"):
        prepared(NPOPaste(), tmp_path / "patches")
    (tmp_path / "patches").mkdir()
    with pytest.raises(UserError, match=r"has no \.jpg"):
        prepared(NPOPaste(), tmp_path / "patches")
    with pytest.raises(UserError, match=r"Toy has no occluder patches.*augment\.occluder\.patches"):
        NPOPaste().prepare(Benchmark("Toy", tmp_path, [], RetrievalSplit([], {})))


def test_broken_patch_is_found_when_prepared(toy_tree):
    (toy_tree / "occluders" / "box.jpeg").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"box\.jpeg cannot be read"):
        prepared(NPOPaste(), toy_tree / "occluders")


@pytest.mark.parametrize(
    ("occluder", "key", "value"),
    [
        (NPOPaste, "probability", 1.5),
        (NPOPaste, "jitter", -0.1),
        (RandomErasing, "probability", "often"),
        (RandomErasing, "min_area", 0.5),  # more than max_area
        (RandomErasing, "max_area", 2),
        (RandomErasing, "min_ratio", 0),
        (RandomErasing, "min_ratio", 3.3),
        (RandomErasing, "attempts", 0),
        (RandomErasing, "mean", 127),
        (RandomErasing, "std", -1),
    ],
)
def test_value_out_of_range(occluder, key, value):
    with pytest.raises(UserError, match=rf"^augment\.occluder\.{key} is {value!r}; expected "):
        occluder(**{key: value})


def test_a_named_folder_comes_before_the_benchmarks(tmp_path, toy_tree):
    write_image(tmp_path / "mine" / "a.jpg", 0)
    assert prepared(NPOPaste(str(tmp_path / "mine")), toy_tree / "occluders").num_patches == 1


def test_random_erasing_statistics():
    boxes = [box for _, box in draws(RandomErasing(), 2000)]
    erased = [box for box in boxes if box is not None]
    areas = [(bottom - top) * (right - left) / (HEIGHT * WIDTH) for top, bottom, left, right in erased]
    assert 0.46 < len(erased) / len(boxes) < 0.54  # 0.49 recorded: some rectangles never fit
    assert min(areas) > 0.015 and max(areas) < 0.35
    assert np.mean(areas) == pytest.approx(0.163, abs=0.01)  # vectors/README.md, section 18


def test_random_erasing_is_noise_in_normalised_units():
    noise = np.concatenate(
        [image[b[0] : b[1], b[2] : b[3]].ravel() for image, b in draws(RandomErasing(probability=1.0)) if b is not None]
    )
    inner = noise[(noise > 0) & (noise < 255)]
    assert np.median(noise) == pytest.approx(127.5, abs=3)
    assert len(inner) / len(noise) == pytest.approx(0.683, abs=0.01)  # within one standard deviation


def test_no_occlusion():
    assert all(box is None and (image == IMAGE).all() for image, box in draws(NoOcclusion(), 3))
