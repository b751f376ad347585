"""How many floating point operations a training step of FED takes, by formula; a multiply and an add are two.

Per image of a ViT with T = 1 + N tokens, width D, L blocks and patches of p x p pixels:

    encoder = 2 N (3 p^2) D + L (24 T D^2 + 4 T^2 D)

Per image of FED with S stripes, E = S D, K neighbours and C identities:

    scores = S D^2 / 2            diffusion = 4 E^2 + 4 K E^2 + 4 K E + 48 S D^2
    heads = 4 E C + 2 D C         memory = 2 E C (search) + 4 E C (contrast of two features)

The backward pass of a product takes two more of its size; the search has none. Norms, activations and the optimiser are
left out: they move bytes rather than compute.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes that the formulas need; the names are theirs."""

    patches: int
    patch_size: int
    width: int
    blocks: int
    stripes: int
    neighbors: int
    classes: int


def encoder_flops(shape: Shape) -> float:
    """Forward pass of one image through the encoder."""
    tokens, width = 1 + shape.patches, shape.width
    embedding = 2 * shape.patches * 3 * shape.patch_size**2 * width
    return embedding + shape.blocks * (24 * tokens * width**2 + 4 * tokens**2 * width)


def head_flops(shape: Shape) -> float:
    """Forward pass of one image through all that follows, the memory's search left out."""
    width, flat, classes = shape.width, shape.stripes * shape.width, shape.classes
    scores = shape.stripes * width**2 / 2
    attention = 4 * flat**2 + 4 * shape.neighbors * flat**2 + 4 * shape.neighbors * flat
    feed_forwards = 48 * shape.stripes * width**2
    heads = 4 * flat * classes + 2 * width * classes
    return scores + attention + feed_forwards + heads + 4 * flat * classes


def step_flops(shape: Shape, pairs: int, recompute: bool = False) -> float:
    """A training step of ``pairs`` pairs of views; with ``recompute`` the encoder's forward pass counts twice."""
    search = 2 * shape.stripes * shape.width * shape.classes
    encoder = (4 if recompute else 3) * encoder_flops(shape)
    return 2 * pairs * (encoder + 3 * head_flops(shape) + search)
