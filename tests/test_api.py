"""``from fed_reid import Embedder``: what it gives is what evaluation computes, whatever it is given."""

import io
import subprocess
import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import fed_reid
from fed_reid import Embedder, Embeddings, Hits
from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.data.records import to_unit_range
from fed_reid.errors import UserError
from fed_reid.evaluation_data import open_evaluation_data

from .checkpoint import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(small_data, tmp_path_factory):
    """A FED that knows the cameras of its training."""
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    return write_checkpoint(path, small_data, "encoder.camera_information=true", "data.eval_batch_size=8")


@pytest.fixture(scope="module")
def embedder(checkpoint):
    return Embedder.load(checkpoint, device="cpu")


@pytest.fixture
def paths(small_data):
    return sorted((small_data / "small" / "bounding_box_test").glob("*.jpg"))  # ten


def test_the_import_costs_nothing():
    """torch and Hydra come with the first use."""
    code = "import sys, fed_reid; print(fed_reid.__version__, {'torch', 'hydra', 'timm'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split(maxsplit=1)[1].strip() == "set()"
    assert {"Embedder", "Embeddings", "Hits"} <= set(fed_reid.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        fed_reid.Nothing  # noqa: B018  # the access is what is tested


def test_everything_comes_from_the_file(embedder, checkpoint):
    assert (embedder.image_size, embedder.feature, embedder.num_stripes) == ((32, 16), "diffused", 4)
    assert embedder.feature_dim == embedder.network.feature_dim
    assert embedder.scores_stripes and embedder.device == torch.device("cpu") and not embedder.network.training
    assert Embedder.load(str(checkpoint)).fingerprint == embedder.fingerprint
    assert Embedder.load(checkpoint, feature="erased").fingerprint != embedder.fingerprint


@pytest.mark.parametrize("feature", ["erased", "diffused"])
def test_equals_evaluation_to_the_bit(checkpoint, small_data, feature):
    """With cameras, in the batches of evaluation: 20 images in batches of 8, of which the last is filled up here."""
    loaded = read_checkpoint(checkpoint)
    network, plan = load_network(loaded), loaded["fed_reid"]
    data = open_evaluation_data(plan, OmegaConf.create({"test": None}), plan["config"]["data"], str(small_data))
    ((benchmark,), (loader,)) = data.test_benchmarks.values(), data.test_dataloader()
    with torch.no_grad():
        expected = [network.embed_all(to_unit_range(batch.images), batch.camids)[feature] for batch in loader]
    features, visibility = (
        torch.cat([getattr(e, name) for e in expected]).numpy() for name in ("features", "visibility")
    )

    samples = benchmark.test.samples()
    embedder = Embedder.load(checkpoint, "cpu", feature)
    embeddings = embedder.embed([s.path for s in samples], [s.camid for s in samples], batch_size=8)
    assert len(samples) == len(features) == 20
    assert np.array_equal(embeddings.features[:16], features[:16])
    assert np.array_equal(embeddings.visibility[:16], visibility[:16])
    np.testing.assert_allclose(embeddings.features, features, atol=1e-5)


def test_whatever_the_images_are(embedder, paths):
    """Paths, PIL, arrays, bytes, a generator, a folder; lossless, so that all have the same pixels."""
    expected = embedder.embed(paths)
    assert expected.features.shape == (10, embedder.feature_dim) and expected.features.dtype == np.float32
    assert expected.visibility.shape == (10, 4) and ((expected.visibility > 0) & (expected.visibility < 1)).all()
    assert expected.names == tuple(map(str, paths))
    assert (expected.pids == -1).all() and (expected.camids == -1).all()
    pictures = [Image.open(path) for path in paths]
    for images in (
        [str(path) for path in paths],
        pictures,
        np.stack([np.asarray(picture) for picture in pictures]),
        (path.read_bytes() for path in paths),
        paths[0].parent,
    ):
        assert np.array_equal(embedder.embed(images).features, expected.features)
    assert embedder.embed(iter(pictures)).names == tuple(f"image {row}" for row in range(10))


def test_one_image_and_none(embedder, paths):
    for one in (paths[0], Image.open(paths[0]), np.asarray(Image.open(paths[0])), paths[0].read_bytes()):
        assert len(embedder.embed(one)) == 1
    nothing = embedder.embed([])
    assert nothing.features.shape == (0, embedder.feature_dim) and nothing.visibility.shape == (0, 4)


def test_deterministic(embedder, paths):
    whole = embedder.embed(paths, batch_size=4)
    assert np.array_equal(embedder.embed(paths, batch_size=4).features, whole.features)
    backwards = embedder.embed(paths[::-1], batch_size=4)
    assert np.array_equal(backwards.features[::-1], whole.features)
    np.testing.assert_allclose(embedder.embed(paths[3]).features, whole.features[3:4], rtol=1e-4, atol=1e-5)


def test_a_generator_is_never_in_memory_as_a_whole(embedder, paths, monkeypatch):
    asked, at_first = 0, []

    class Watching(type(embedder._forward)):
        def __call__(self, images, camids):
            at_first.append(asked)
            return super().__call__(images, camids)

    def generator():
        nonlocal asked
        for row in range(200):
            asked += 1
            yield paths[row % 10]

    monkeypatch.setattr(embedder, "_forward", Watching(embedder.network, embedder.feature))
    assert len(embedder.embed(generator(), batch_size=4)) == 200
    assert at_first[0] <= 4 + 8 and all(later - earlier <= 4 for earlier, later in pairwise(at_first))


def test_memory_is_that_of_the_features(embedder):
    """2,000 images of 1.5 KB once decoded; what is kept of each is its feature."""
    features = np.zeros((2000, embedder.feature_dim + embedder.num_stripes), np.float32).nbytes
    picture = np.zeros((*embedder.image_size, 3), np.uint8)
    embedder.embed(picture)
    tracemalloc.start()
    try:
        embeddings = embedder.embed((picture for _ in range(2000)), batch_size=16)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(embeddings) == 2000
    assert kept < features + 2000 * 200, "names and numbers"
    assert peak < 2 * features + 2000 * 400, "joined from batches, so twice for a moment; all pixels would be 3 MB more"


def test_unreadable_images(embedder, paths, tmp_path):
    broken = tmp_path / "broken picture.jpg"
    broken.write_text("no image")
    images = [paths[0], broken, paths[1], tmp_path / "gone.jpg", None]
    with pytest.raises(UserError, match=r"broken picture\.jpg is not an image of a format that is known"):
        embedder.embed(images)
    embeddings = embedder.embed(images, camids=[0, 1, 2, 0, 1], on_unreadable="skip")
    assert embeddings.names == (str(paths[0]), str(paths[1])) and embeddings.camids.tolist() == [0, 2]
    assert [image.name for image in embeddings.unreadable] == [str(broken), str(tmp_path / "gone.jpg"), "image 4"]
    assert "does not exist" in embeddings.unreadable[1].reason
    np.testing.assert_allclose(embeddings.features, embedder.embed(paths[:2], camids=[0, 2]).features, atol=1e-5)


def test_cameras(embedder, paths, checkpoint, small_data, tmp_path):
    """Told where the network asks for them; else they are kept and change nothing."""
    plain, told = embedder.embed(paths), embedder.embed(paths, camids=[0, 1] * 5)
    assert not np.allclose(plain.features, told.features) and told.camids.tolist() == [0, 1] * 5
    assert np.array_equal(
        embedder.embed(paths, camids=np.full(10, 1)).features, embedder.embed(paths, camids=1).features
    )
    assert np.array_equal(embedder.embed(paths, camids=99).features, plain.features), "a camera that it does not know"
    other = Embedder.load(write_checkpoint(tmp_path / "plain.ckpt", small_data))
    assert np.array_equal(other.embed(paths, camids=1).features, other.embed(paths).features)
    for camids, sentence in [
        ([0] * 9, "has 9 numbers and there are more images"),
        ([0] * 11, "more numbers than the 10"),
    ]:
        with pytest.raises(UserError, match=sentence):
            embedder.embed(paths, camids=camids)


@pytest.mark.parametrize("distance", ["plain", "visibility"])
def test_search(embedder, paths, distance):
    gallery = embedder.embed(paths)
    hits = embedder.search(paths[3], gallery, k=4, distance=distance)
    assert isinstance(hits, Hits) and isinstance(gallery, Embeddings)
    assert hits.rows.shape == hits.distances.shape == (1, 4)
    assert hits.names[0][0] == str(paths[3]) and hits.distances[0, 0] < 1e-4
    assert (np.diff(hits.distances[0]) >= 0).all()
    assert np.array_equal(embedder.search(gallery[3], paths[0].parent, k=4, distance=distance).rows, hits.rows)


def test_arguments(embedder, checkpoint, paths, tmp_path):
    for call, sentence in [
        (lambda: Embedder.load(tmp_path / "no.ckpt"), "no such file"),
        (lambda: Embedder.load(checkpoint, device="warp"), "this machine has none such"),
        (lambda: Embedder.load(checkpoint, feature="best"), "feature='best': .* expected one of erased, diffused"),
        (lambda: Embedder.load(checkpoint, device="cpu", precision="bf16"), "is for a GPU"),
        (lambda: embedder.embed(paths, batch_size=0), "batch_size is 0"),
        (lambda: embedder.embed(paths, on_unreadable="warn"), "expected one of raise, skip"),
        (lambda: embedder.embed(tmp_path), "the folder has no image file"),
        (lambda: embedder.embed("nowhere.jpg"), "does not exist; expected an image file or a folder"),
        (lambda: embedder.search(paths[0], paths, k=0), "k is 0"),
        (lambda: embedder.search(paths[0], paths, distance="far"), "distance=far"),
    ]:
        with pytest.raises(UserError, match=sentence):
            call()


def test_another_model_is_refused(embedder, checkpoint, paths):
    other = Embedder.load(checkpoint, feature="erased")
    with pytest.raises(UserError, match="different models"):
        embedder.search(paths[0], other.embed(paths))


class Pickled:
    """Would run code when it is read."""

    def __reduce__(self):
        return open, ("trace", "w")


def test_hostile_checkpoints(checkpoint, tmp_path, monkeypatch):
    """Neither a pickle in it nor a class that its config names is run."""
    monkeypatch.chdir(tmp_path)
    torch.save({"fed_reid": Pickled()}, tmp_path / "pickle.ckpt")
    with pytest.raises(UserError, match="refused, because it holds code"):
        Embedder.load(tmp_path / "pickle.ckpt")
    for target in ("os.system", "fed_reid.cli.os.system", "fed_reid.models.weights.reading.pickle.loads"):
        loaded = read_checkpoint(checkpoint)
        loaded["fed_reid"]["config"]["model"]["network"]["encoder"] = {"_target_": target, "command": "touch trace"}
        torch.save(loaded, tmp_path / "config.ckpt")
        with pytest.raises(UserError, match=f"names '{target}'"):
            Embedder.load(tmp_path / "config.ckpt")
    assert not (tmp_path / "trace").exists()
    whole = checkpoint.read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="not a complete checkpoint"):
        Embedder.load(tmp_path / "cut.ckpt")
    torch.save({"fed_reid": {}, "state_dict": {}}, tmp_path / "empty.ckpt")
    with pytest.raises(UserError, match=r"ckpt='.*empty\.ckpt': the network in it cannot be built"):
        Embedder.load(tmp_path / "empty.ckpt")


def test_every_odd_file_in_one_folder(embedder, tmp_path):
    """CMYK, 16 bits, transparent, turned, animated, grey, tiny; names with spaces and beyond ASCII."""
    colour = Image.effect_noise((20, 40), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    colour.convert("CMYK").save(tmp_path / "1 print.jpg")
    Image.fromarray(np.arange(800, dtype=np.uint16).reshape(40, 20) * 80).save(tmp_path / "2 sixteen.png")
    colour.convert("RGBA").save(tmp_path / "3 durchsichtig ä.png")
    colour.save(tmp_path / "4 gedreht 行.jpg", exif=exif)
    colour.save(tmp_path / "5.gif", save_all=True, append_images=[colour.convert("L")])
    colour.convert("L").save(tmp_path / "6.png")
    colour.resize((1, 1)).save(tmp_path / "7.png")
    buffer = io.BytesIO()
    colour.save(buffer, "JPEG")
    (tmp_path / "8 cut.jpg").write_bytes(buffer.getvalue()[:300])
    embeddings = embedder.embed(tmp_path, on_unreadable="skip")
    assert [name[len(str(tmp_path)) + 1] for name in embeddings.names] == list("1234567")
    assert np.isfinite(embeddings.features).all()
    assert [image.name for image in embeddings.unreadable] == [str(tmp_path / "8 cut.jpg")]
