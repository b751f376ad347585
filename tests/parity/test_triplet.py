"""Vector 19: the batch-hard triplet loss."""

import pytest
import torch

from fed_reid.losses.triplet import euclidean_distances, hardest_distances, triplet_loss

from .conftest import cases
from .networks import weights

# vectors/README.md, "Suggested tolerances", absolute.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
GRADIENTS = {"rtol": 1e-5, "atol": 2e-5}


@pytest.mark.parametrize("case", cases("19_triplet"))
def test_triplet(vectors, case):
    recorded = weights(vectors.tensors("19_triplet"), f"{case}.")
    features, labels = recorded["features"].requires_grad_(), recorded["labels"]
    distances = euclidean_distances(features.detach())
    # Between equal rows the recorded distance is rounding noise: leave those out (vectors/README.md, section 19).
    different = (features.unsqueeze(0) != features.unsqueeze(1)).any(dim=2)
    torch.testing.assert_close(distances[different], recorded["distance"][different], **TOLERANCE)
    for kind, hardest in zip(("positive", "negative"), hardest_distances(distances, labels), strict=True):
        torch.testing.assert_close(hardest, recorded[f"hardest_{kind}_distance"], **TOLERANCE)
        index = recorded[f"hardest_{kind}_index"]
        assert torch.equal(distances[torch.arange(len(labels)), index], hardest), "the very sample is chosen"

    loss = triplet_loss(features, labels)
    loss.backward()
    torch.testing.assert_close(loss.detach(), recorded["loss"], **TOLERANCE)
    torch.testing.assert_close(features.grad, recorded["grad_features"], **GRADIENTS)
    with_margin = triplet_loss(features.detach(), labels, margin=0.3)
    torch.testing.assert_close(with_margin, recorded["loss_margin03"], **TOLERANCE)
