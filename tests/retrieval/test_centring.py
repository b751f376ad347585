import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from fed_reid.errors import UserError
from fed_reid.retrieval import centring
from fed_reid.retrieval.centring import CentringSettings, centre_features


def draw(queries=17, gallery=40, width=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(queries, width, generator=generator), torch.randn(gallery, width, generator=generator)


def one_by_one(query, gallery, k):
    """The equation, an image at a time in float64; each query joins the gallery alone, as its last image."""
    query, gallery = F.normalize(query.double(), dim=1), F.normalize(gallery.double(), dim=1)

    def near(images, place):
        distance = (images - images[place]).square().sum(1)
        distance[place] = torch.inf
        return distance.argsort(stable=True)[:k].tolist()

    def centred(images, place, neighbors):
        mutual = [other for other in neighbors(place) if place in neighbors(other)]
        return images[place] + (images[mutual].mean(0) if mutual else 0)

    moved = torch.stack([centred(gallery, place, lambda i: near(gallery, i)) for place in range(len(gallery))])
    joined = []
    for feature in query:
        together = torch.cat([gallery, feature[None]])
        joined.append(centred(together, len(gallery), lambda i, images=together: near(images, i)))
    return torch.stack(joined), moved


@pytest.mark.parametrize("k", [1, 2, 5])
def test_equals_the_equation(k):
    query, gallery = draw()
    expected = one_by_one(query, gallery, k)
    for found, wanted, before in zip(
        centre_features(query, gallery, CentringSettings(k)), expected, (query, gallery), strict=True
    ):
        assert_close(found.double(), wanted, rtol=0, atol=1e-5)
        assert not torch.allclose(found, F.normalize(before, dim=1)), "somebody has a mutual neighbour"


def test_chunks_change_nothing(monkeypatch):
    query, gallery = draw()
    whole = centre_features(query, gallery, CentringSettings())
    monkeypatch.setattr(centring, "choose_chunk_size", lambda *_: 7)
    for found, wanted in zip(centre_features(query, gallery, CentringSettings()), whole, strict=True):
        assert torch.equal(found, wanted)


def test_a_query_does_not_depend_on_the_others():
    query, gallery = draw()
    together = centre_features(query, gallery, CentringSettings())
    alone, same_gallery = centre_features(query[3:4], gallery, CentringSettings())
    assert torch.equal(alone[0], together[0][3]) and torch.equal(same_gallery, together[1])


def test_two_of_a_kind_meet_and_an_outsider_stays():
    gallery = torch.tensor([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.0]])
    _, found = centre_features(gallery[:0], gallery, CentringSettings(1))
    assert_close(found[0], F.normalize(gallery, dim=1)[:2].sum(0))
    assert torch.equal(found[2], gallery[2]), "its nearest has a nearer one"


@pytest.mark.parametrize("images", [1, 2])
def test_fewer_images_than_neighbors(images):
    query, gallery = draw(3, images)
    found = centre_features(query, gallery, CentringSettings(5))
    assert [part.shape for part in found] == [query.shape, gallery.shape]
    if images == 1:
        assert_close(found[1], F.normalize(gallery, dim=1))


def test_no_neighbor_is_refused():
    with pytest.raises(UserError, match="neighbors is 0; expected at least 1"):
        CentringSettings(0)
