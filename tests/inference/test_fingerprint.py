"""The same for the same features, another for any others."""

import torch

from fed_reid.inference.fingerprint import fingerprint

from ..models.networks import tiny_fed


def print_of(network=None, design=None, feature="erased", image_size=(32, 16)):
    return fingerprint(network or tiny_fed(), design or {"heads": 4}, feature, image_size)


def test_the_same_again():
    assert print_of() == print_of(design={"heads": 4}) == print_of(tiny_fed().eval())
    assert len(print_of()) == 32


def test_whatever_decides_a_feature_counts():
    weight, buffer, norm, mirrored = tiny_fed(), tiny_fed(), tiny_fed(), tiny_fed()
    mirrored.mirror = True
    with torch.no_grad():
        next(weight.encoder.parameters()).view(-1)[0] += 1e-6
        next(module for module in buffer.modules() if hasattr(module, "running_mean")).running_mean[0] += 1e-6
        norm.encoder.pixel_mean += 0.01
    others = [
        print_of(weight),
        print_of(buffer),
        print_of(norm),
        print_of(mirrored),
        print_of(design={"heads": 2}),
        print_of(feature="diffused"),
        print_of(image_size=(16, 32)),
    ]
    assert len({print_of(), *others}) == 8
