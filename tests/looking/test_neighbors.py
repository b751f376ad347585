"""What is found for pictures of one's own: never the picture itself, however its path is written."""

from pathlib import Path

import pytest

from fed_reid import Embedder
from fed_reid.data.records import Sample
from fed_reid.errors import UserError
from fed_reid.looking.neighbors import find_neighbors
from fed_reid.looking.pictures import read_pictures

from ..checkpoint import write_checkpoint


@pytest.fixture(scope="module")
def embedder(small_data, tmp_path_factory):
    return Embedder.load(write_checkpoint(tmp_path_factory.mktemp("run") / "vit.ckpt", small_data, "model=vit"), "cpu")


def test_a_picture_is_not_its_own_neighbor(embedder, small_data, monkeypatch):
    folder = small_data / "small" / "query_npo"
    monkeypatch.chdir(folder.parent)
    files = sorted(folder.iterdir())
    gallery = [Sample(str(path), pid=-1) for path in files]
    asked = Sample(str(Path("query_npo") / ".." / "query_npo" / files[0].name), pid=-1)
    (found,), _ = find_neighbors(embedder, read_pictures([asked], embedder.image_size), gallery, k=len(files))
    assert sorted(neighbor.tile.name for neighbor in found.neighbors) == [str(path) for path in files[1:]]


def test_a_gallery_of_which_nothing_can_be_read(embedder, small_data, tmp_path):
    (tmp_path / "broken.jpg").write_text("no image")
    asked = Sample(str(min((small_data / "small" / "query_npo").iterdir())), pid=-1)
    with pytest.raises(UserError, match=r"none of its 1 images can be read; .*broken\.jpg is not an image"):
        find_neighbors(
            embedder,
            read_pictures([asked], embedder.image_size),
            [Sample(str(tmp_path / "broken.jpg"), pid=-1)],
            k=3,
        )
