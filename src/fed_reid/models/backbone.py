"""Transformers as timm builds them; what a user can get wrong about one is told in words of the configuration."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

import timm
import torch
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from fed_reid.errors import UserError

log = logging.getLogger(__name__)

Model = TypeVar("Model", bound=nn.Module)
PatchTransformer = TypeVar("PatchTransformer", VisionTransformer, Eva)

# What each class of timm is to a user, and the configuration that runs it.
_FAMILIES: dict[type[nn.Module], tuple[str, str]] = {
    VisionTransformer: ("vision transformer", "encoder=vit_base"),
    Eva: ("vision transformer with rotary positions", "encoder=dinov3_base"),
    SwinTransformer: ("Swin transformer", "encoder=solider_swin_base"),
}


def create_backbone(kind: type[Model], name: str, drop_path: float, **options: Any) -> Model:
    """A timm model without its head, from random weights.

    Args:
        kind: The class it has to be of.
        name: As timm calls it.
        drop_path: Stochastic depth of the last block, growing linearly from 0.
        **options: Anything else that timm's model takes.

    Raises:
        UserError: If timm does not know the name or cannot build it with these options, the model is of another
            class, or ``drop_path`` is no share.
    """
    if not isinstance(drop_path, int | float) or not 0 <= drop_path < 1:
        raise UserError(f"encoder.network.drop_path={drop_path!r}: expected at least 0 and less than 1.")
    options = {"num_classes": 0, "drop_path_rate": drop_path, **options, "pretrained": False}
    try:
        model = timm.create_model(name, **options)
    except (RuntimeError, TypeError, AssertionError) as error:  # unknown name or option; widths that do not divide
        bare = _bare(name)
        if bare is not None and not isinstance(bare, kind):
            raise _another_class(kind, name, bare) from error
        raise UserError(f"encoder.network.name='{name}': timm cannot build it as configured ({error}).") from error
    if not isinstance(model, kind):
        raise _another_class(kind, name, model)
    return model


def _bare(name: str) -> nn.Module | None:
    """The model without any of our options, if there is one of this name; takes no memory."""
    if not timm.is_model(name.partition(".")[0]):
        return None
    with torch.device("meta"):
        return timm.create_model(name, pretrained=False)


def _another_class(kind: type[nn.Module], name: str, model: nn.Module) -> UserError:
    found = next((f", which {config} runs" for known, (_, config) in _FAMILIES.items() if isinstance(model, known)), "")
    return UserError(
        f"encoder.network.name='{name}': expected a {_FAMILIES[kind][0]} of timm, found {type(model).__name__}{found}."
    )


def create_patch_transformer(
    kind: type[PatchTransformer],
    name: str,
    image_size: tuple[int, int],
    stride: int | None,
    drop_path: float,
    **options: Any,
) -> PatchTransformer:
    """A timm transformer with a class token whose patch convolution steps by ``stride``.

    timm has no stride argument: the model is built for the image whose plain patches make the wanted grid, then the
    convolution's step is changed and the check of the image size is switched off.

    Args:
        kind: The class it has to be of.
        name: As timm calls it.
        image_size: (height, width) in pixels.
        stride: Step between patches; None: the patch size.
        drop_path: See ``create_backbone``.
        **options: Anything else that timm's model takes.

    Raises:
        UserError: As ``create_backbone`` does; also without a class token, for an image that is smaller than a patch,
            and for a stride below 1 or beside a stem that cuts no patches out.
    """
    if stride is not None and stride < 1:
        raise UserError(f"encoder.network.stride={stride}: expected at least 1 pixel, or null.")
    options = {"img_size": image_size, **options}
    if stride is not None:
        with torch.device("meta"):
            patch = _patch_size(create_backbone(kind, name, drop_path, **options))
        options["img_size"] = tuple(patch * ((side - patch) // stride + 1) for side in image_size)
    model = create_backbone(kind, name, drop_path, **options)
    patch = _patch_size(model)
    patch_embed: Any = model.patch_embed
    if model.cls_token is None:
        raise UserError(f"encoder.network.name='{name}': expected a vision transformer with a class token.")
    if min(patch_embed.grid_size) < 1:
        raise UserError(f"data.image_size={list(image_size)}: expected at least a patch of '{name}'.")
    if stride is not None:
        if patch_embed.proj.kernel_size != patch_embed.patch_size:
            raise UserError(
                f"encoder.network.stride={stride}: expected null, since no convolution cuts these patches out."
            )
        patch_embed.proj.stride = (stride, stride)
        patch_embed.img_size = None
    _mention_unseen_pixels(image_size, patch, stride or patch)
    return model


def _patch_size(model: Any) -> int:
    return model.patch_embed.patch_size[0]


def _mention_unseen_pixels(image_size: tuple[int, int], patch: int, stride: int) -> None:
    """Patches that would reach over the lower or the right edge do not exist, as timm and TransReID do it."""
    rows, columns = ((side - patch) % stride for side in image_size)
    if rows or columns:
        log.info(
            "Patches of %d pixels do not tile %d x %d images: %d rows at the bottom and %d columns at the right are "
            "not seen.",
            patch,
            *image_size,
            rows,
            columns,
        )
