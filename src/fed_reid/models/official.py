"""Names in the checkpoints of the official FED and TransReID scripts: which of their tensors is which of ours.

The names are those of benchmarks.md, section 4, and of the vectors, sections 17 and 18.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.models.fed import FED
from fed_reid.models.transreid import TransReID


class Place(NamedTuple):
    """Where an official tensor is in our state: part ``part`` of ``parts`` along the first dimension of ``name``."""

    name: str
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Script:
    """How an official training script names the tensors of its network.

    Attributes:
        title: For messages.
        model: The choice in conf/model/ that computes the same.
        network: Our class.
        marker: A tensor that no other script has.
        classifier: A classifier's weight, whose rows are the training identities.
        renames: Pattern of our names to what the script writes instead.
        neck: Name of the norm that is part k of our neck.
        unused: Pattern of tensors that are saved although nothing that is computed depends on them.
    """

    title: str
    model: str
    network: type[FED] | type[TransReID]
    marker: str
    classifier: str
    renames: tuple[tuple[str, str], ...]
    neck: Callable[[int], str]
    unused: re.Pattern[str]


_ENCODER = ((r"^encoder\.camera_table$", "base.sie_embed"), (r"^encoder\.vit\.", "base."))

FED_SCRIPT = Script(
    title="FED",
    model="fed_official",
    network=FED,
    marker="mask_detection.0.0.weight",
    classifier="classifier1.weight",
    renames=(
        *_ENCODER,
        (r"^erasing\.stripes\.(\d+)\.reduce\.", r"mask_detection.\1.0."),
        (r"^erasing\.stripes\.(\d+)\.norm\.", r"mask_detection.\1.1."),
        (r"^erasing\.stripes\.(\d+)\.score\.", r"mask_detection.\1.2."),
        (r"^diffusion\.attention\.query\.", "cross_attention.q."),
        (r"^diffusion\.attention\.key_value\.", "cross_attention.kv."),
        (r"^diffusion\.attention\.out\.", "cross_attention.proj."),
        (r"^diffusion\.ffn_a\.", "ffn2.layers2."),
        (r"^diffusion\.ffn_b\.", "ffn3.layers2."),
        (r"^(ffn.\.layers2)\.expand\.", r"\1.fn.net.0."),
        (r"^(ffn.\.layers2)\.project\.", r"\1.fn.net.3."),
        (r"^heads\.erased\.", "classifier1."),
        (r"^heads\.diffused\.", "classifier2."),
        (r"^heads\.global\.", "classifier3."),
    ),
    neck=lambda k: f"bottleneck_local.{k}",
    # The camera table too: the network never hands camera ids to its encoder.
    unused=re.compile(r"base\.fc\.|base\.sie_embed$|bottleneck_local_stage2\.|classifier_local\."),
)
TRANSREID_SCRIPT = Script(
    title="TransReID (jigsaw)",
    model="transreid",
    network=TransReID,
    marker="b1.0.norm1.weight",
    classifier="classifier.weight",
    renames=(
        *_ENCODER,
        (r"^jigsaw\.global_branch\.block\.", "b1.0."),
        (r"^jigsaw\.global_branch\.norm\.", "b1.1."),
        (r"^jigsaw\.local_branch\.block\.", "b2.0."),
        (r"^jigsaw\.local_branch\.norm\.", "b2.1."),
        (r"^heads\.global\.", "classifier."),
        (r"^heads\.local(\d+)\.", r"classifier_\1."),
    ),
    neck=lambda k: f"bottleneck_{k}" if k else "bottleneck",
    unused=re.compile(r"base\.fc\."),
)
VIT_SCRIPT = replace(TRANSREID_SCRIPT, title="TransReID (ViT baseline)", model="vit_global", marker="bottleneck.weight")
SCRIPTS = (FED_SCRIPT, TRANSREID_SCRIPT, VIT_SCRIPT)  # the last marker is in both files of TransReID

# Made by ours alone: memories come from a file of their own, and the official network has no second neck.
_OURS = re.compile(r"(memory|diffused_memory|diffused_neck)\.")


def recognise(state: Mapping[str, Tensor], path: str) -> tuple[Script, dict[str, Tensor]]:
    """Whose state this is, and the state without the ``module.`` that DataParallel puts in front of names.

    Raises:
        UserError: It is from neither script.
    """
    bare = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    for script in SCRIPTS:
        if script.marker in bare:
            if script.classifier not in bare:
                raise UserError(
                    f"source='{path}': tensor '{script.classifier}' of an official {script.title} is missing."
                )
            return script, bare
    raise UserError(
        f"source='{path}': expected a checkpoint of the official FED or TransReID script, found neither "
        f"{', '.join(repr(script.marker) for script in SCRIPTS[:-1])} nor '{SCRIPTS[-1].marker}' in it; pre-trained "
        "encoders are loaded with encoder.weights=."
    )


def official_places(network: FED | TransReID) -> dict[str, Place]:
    """Official name of every tensor that the official network would have: where it is in ours."""
    script = FED_SCRIPT if isinstance(network, FED) else TRANSREID_SCRIPT
    places: dict[str, Place] = {}
    for ours in network.state_dict():
        if match := re.fullmatch(r"neck\.norm\.(\w+)", ours):
            parts = network.neck.norm.num_features // network.encoder.embed_dim
            places |= {f"{script.neck(k)}.{match[1]}": Place(ours, k, parts) for k in range(parts)}
        elif not _OURS.match(ours):
            official = ours
            for pattern, replacement in script.renames:
                official = re.sub(pattern, replacement, official)
            places[official] = Place(ours)
    return places


def part_of(tensor: Tensor, place: Place) -> Tensor:
    """The rows of one of our tensors that ``place`` means; a number belongs to every part."""
    return tensor.chunk(place.parts)[place.part] if tensor.ndim else tensor
