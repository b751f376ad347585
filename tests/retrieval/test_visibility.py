import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from fed_reid.retrieval.distance import FeatureDistances
from fed_reid.retrieval.visibility import VisibilityDistances


def draw(queries=20, gallery=33, stripes=4, width=6):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(queries + gallery, stripes * width, generator=generator)
    visibility = torch.rand(queries + gallery, stripes, generator=generator)
    return features[:queries], features[queries:], visibility[:queries], visibility[queries:]


def one_by_one(query, gallery, query_visibility, gallery_visibility):
    """The equation of docs/evaluation.md for a pair."""
    stripes = len(query_visibility)
    q, g = (F.normalize(feature.double(), dim=0).view(stripes, -1) for feature in (query, gallery))
    weights = query_visibility.double() * gallery_visibility.double()
    return stripes * (weights * (q - g).square().sum(1)).sum() / weights.sum()


def test_equals_the_equation():
    query, gallery, ours, theirs = draw()
    distances = VisibilityDistances(query, gallery, ours, theirs)
    rows = range(20), range(33)
    expected = torch.tensor([[one_by_one(query[q], gallery[g], ours[q], theirs[g]) for g in rows[1]] for q in rows[0]])
    found = distances(slice(0, 20)).clone()
    assert_close(found.double(), expected, rtol=0, atol=1e-5)
    queries, images = torch.tensor([0, 3, 19]), torch.tensor([32, 5, 0])
    assert_close(distances.between(queries, images), found[queries, images], rtol=0, atol=1e-5)
    assert torch.equal(torch.cat([distances(slice(row, row + 1)).clone() for row in range(20)]), found)


@pytest.mark.parametrize("score", [1.0, 0.3, 0.0])
def test_equal_scores_are_the_plain_distance(score):
    """Also where nothing is visible: no image is near to all others because it shows nothing."""
    query, gallery, ours, theirs = draw()
    distances = VisibilityDistances(query, gallery, torch.full_like(ours, score), torch.full_like(theirs, score))
    assert_close(distances(slice(0, 20)), FeatureDistances(query, gallery)(slice(None)), rtol=0, atol=1e-5)


def test_a_stripe_that_one_image_does_not_show_counts_for_nothing():
    query, gallery, ours, theirs = draw()
    ours[:, 1], changed = 0.0, gallery.clone()
    stripe = slice(6, 12)
    changed[:, stripe] = gallery[:, stripe].flip(1)  # the same length, so that normalising changes nothing else
    before, after = (VisibilityDistances(query, images, ours, theirs)(slice(0, 20)) for images in (gallery, changed))
    assert_close(before, after, rtol=0, atol=1e-4)
