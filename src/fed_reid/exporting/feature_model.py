"""What is exported of a network: normalised images in, one retrieval feature out.

Shape legend: N images, E feature width, S stripes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from fed_reid.exporting.order import Outputs
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.mirroring import retrieval_features

INPUT = "images"
FEATURES, VISIBILITY = "features", "visibility"


class FeatureModel(nn.Module):
    """One feature of a network, of images from nobody knows which camera.

    The encoder's fallback for an unknown camera is to add nothing (``models/encoder.py``).

    Args:
        network: In eval mode.
        feature: One of its ``feature_names``.
        outputs: See ``Outputs``.
        image_size: (height, width) in pixels.
    """

    def __init__(self, network: ReIDNetwork, feature: str, outputs: Outputs, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.network = network
        self.feature = feature
        self.image_size = image_size
        self.output_names = (FEATURES,) if outputs == Outputs.FEATURES else (FEATURES, VISIBILITY)

    @property
    def shapes(self) -> dict[str, list[str | int]]:
        """Of the input and of every output, with the batch by name."""
        sizes = {INPUT: [3, *self.image_size], FEATURES: [self.network.feature_dim]}
        sizes[VISIBILITY] = [self.network.num_stripes]
        return {name: ["batch", *sizes[name]] for name in (INPUT, *self.output_names)}

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features [N, E], and visibility [N, S] where it is wanted, of normalised images [N, 3, H, W]."""
        embedding = retrieval_features(self.network, images, only=self.feature)[self.feature]
        return tuple(getattr(embedding, name) for name in self.output_names)


def trace(model: FeatureModel) -> ExportedProgram:
    """The computation as a graph that takes any number of images, with the weights that it uses and no others.

    The others are set to None in the model: classifiers, and the memory where the feature does not read it. They are
    of no use to anybody, and tell of the people it was trained with.
    """
    _drop_all_but(model, _used_weights(_trace(model)))
    return _trace(model)


@torch.no_grad()
def _trace(model: FeatureModel) -> ExportedProgram:
    # Two images: of one, torch would take the number for a constant.
    example = torch.zeros(2, 3, *model.image_size)
    return torch.export.export(model, (example,), dynamic_shapes=({0: Dim("batch")},))


def _used_weights(program: ExportedProgram) -> set[str]:
    """Names of the parameters and buffers that something is computed from."""
    signature = program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    return {names[node.name] for node in program.graph.nodes if node.name in names and node.users}


def _drop_all_but(model: nn.Module, used: set[str]) -> None:
    """Of the state alone: buffers that are settings, such as the normalisation, are still asked for."""
    for name in model.state_dict().keys() - used:
        module = model.get_submodule(name.rpartition(".")[0])
        weights = module._parameters if name.rpartition(".")[2] in module._parameters else module._buffers
        weights[name.rpartition(".")[2]] = None
