"""Vector 06: stripe means of the difference map and the official occlusion labels."""

import torch

from fed_reid.data.labels import LabelRule, contrast_labels, stripe_means, visibility_labels


def test_labels_of_recorded_means(vectors):
    recorded = vectors.tensors("06_npo_label")
    labels = contrast_labels(recorded["stripe_means"])
    wrong = (labels != recorded["labels"]).any(1)
    assert not wrong.any(), recorded["branch"][wrong]


def test_labels_of_recorded_maps(vectors):
    recorded = vectors.tensors("06_npo_label")
    means = stripe_means(recorded["diff_map"], recorded["diff_map_labels"].shape[1])
    # Means near 0 have no relative precision; vectors/README.md suggests 1e-5 absolute for activations.
    torch.testing.assert_close(means, recorded["diff_map_stripe_means"], rtol=1e-5, atol=1e-5)
    assert torch.equal(contrast_labels(means), recorded["diff_map_labels"])


def test_batches_are_labelled_by_the_same_rule(vectors):
    """The recorded maps, written into images as training sees them: uint8, one channel changed."""
    recorded = vectors.tensors("06_npo_label")
    change = (recorded["diff_map"] / recorded["diff_map"].max() * 255).ceil().to(torch.uint8)  # keeps what is above 0
    occluded = torch.cat([change, torch.zeros_like(change), torch.zeros_like(change)], dim=1)
    clean = torch.zeros_like(occluded)
    num_stripes = recorded["diff_map_labels"].shape[1]
    covered = torch.zeros_like(change[:, 0], dtype=torch.bool)
    labels = visibility_labels(LabelRule.CONTRAST, clean, occluded, covered, num_stripes)
    expected = contrast_labels(stripe_means(change.float().squeeze(1), num_stripes))
    assert torch.equal(labels, expected)
    some_changed = (recorded["diff_map_stripe_means"] > 0).sum(1)
    untouched = (some_changed == 0) | (some_changed == num_stripes)
    assert torch.equal(labels[untouched], recorded["diff_map_labels"][untouched])
