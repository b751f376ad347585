"""Builds our public classes with the recorded weights: which of our names is which recorded name."""

import re

import torch
from torch import Tensor, nn

from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.fed import FED

RENAMES = (
    (r"^backbone\.", "encoder.vit."),
    (r"^oem\.", "erasing.stripes."),
    (r"^fdm\.cross_attn\.", "diffusion.attention."),
    (r"^fdm\.", "diffusion."),
    (r"^head\.", "heads."),
)


def our_name(recorded: str) -> str:
    for pattern, ours in RENAMES:
        recorded = re.sub(pattern, ours, recorded)
    return recorded


def lookup(tensors: dict[str, Tensor], recorded: str, num_stripes: int) -> Tensor:
    """Our tensor under its recorded name; a recorded neck is a slice of ours."""
    if match := re.match(r"bnneck\.(\d+)\.(\w+)$", recorded):
        return tensors[f"neck.norm.{match[2]}"].chunk(num_stripes)[int(match[1])]
    return tensors[our_name(recorded)]


def weights(recorded: dict[str, Tensor], prefix: str = "w.") -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in recorded.items() if key.startswith(prefix)}


def load(module: nn.Module, recorded: dict[str, Tensor], num_stripes: int = 1) -> None:
    """Copies recorded weights into every parameter and buffer that has a recorded name; all of them must fit."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    with torch.no_grad():
        for name, value in recorded.items():
            ours = lookup(tensors, name, num_stripes)
            assert ours.shape == value.shape, name
            ours.copy_(value)


def encoder(recorded: dict[str, Tensor], image: Tensor, num_heads: int, **options) -> ViTEncoder:
    """A ViT of the recorded shape; ``recorded`` has timm's names."""
    depth = 1 + max(int(key.split(".")[1]) for key in recorded if key.startswith("blocks."))
    return ViTEncoder(
        "vit_base_patch16_224",
        image_size=(image.shape[2], image.shape[3]),
        embed_dim=recorded["cls_token"].shape[-1],
        depth=depth,
        num_heads=num_heads,
        **options,
    )


def official_fed(vectors, variant: str = "official") -> FED:
    """The network of file 11 with the official options; ``variant`` chooses the merge of the attention heads."""
    file = vectors.tensors("11_full_model")
    recorded, num_stripes = weights(file), file["eval_scores"].shape[1]
    backbone = {key.removeprefix("backbone."): v for key, v in recorded.items() if key.startswith("backbone.")}
    network = FED(
        encoder(backbone, file["image_clean"], vectors.json("meta")["full"]["heads"]),
        num_classes=len(file["memory"]),
        num_stripes=num_stripes,
        num_neighbors=file["eval_neighbours"].shape[1],
        num_heads=int(vectors("10_fdm")["attn_heads"]),  # the same for both files, and recorded only there
        head_merge="batch_mixed" if variant == "official" else "per_sample",
        global_token="first_patch",
        shared_memory=True,
        attention_scale="stripe",
        separate_norms=False,
    )
    load(network, recorded, num_stripes)
    network.fill_memory(file["memory"])
    return network
