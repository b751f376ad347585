"""Where ``encoder.weights`` is: a file, or a tag of timm's whose file an earlier download left on this machine."""

from __future__ import annotations

import difflib
from pathlib import Path
from urllib.parse import urlparse

import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache
from timm.models import PretrainedCfg, get_arch_pretrained_cfgs, split_model_name_tag

from fed_reid.errors import UserError

_HUB_FILES = ("model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_FILE_ENDINGS = (".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".tar", ".pkl", ".npz")
_RANDOM = "set encoder.weights=null to start from random weights (which does not reach published numbers)"


def require_weights(weights: str | Path) -> Path:
    """The file that ``encoder.weights`` means; worth asking before a large network is built. Downloads nothing.

    Args:
        weights: A file, or a tag such as ``vit_base_patch16_224.orig_in21k_ft_in1k``.

    Raises:
        UserError: There is no such file; or no such tag; or its file is in no cache of this machine.
    """
    path = Path(weights)
    if path.is_file():
        return path
    if path.is_dir():
        raise UserError(f"encoder.weights='{weights}': a folder; expected a weight file in it, or a tag of timm.")
    if timm.is_model(split_model_name_tag(str(weights))[0]):
        return _cached_file(str(weights))
    if path.name != str(weights) or path.suffix.lower() in _FILE_ENDINGS:
        raise UserError(
            f"encoder.weights='{weights}': no such file; put the pre-trained weights there, name another file, or "
            f"{_RANDOM}."
        )
    near = difflib.get_close_matches(str(weights), timm.list_models(pretrained=True), n=3)
    raise UserError(
        f"encoder.weights='{weights}': neither a file nor a tag of timm"
        + (f" (close ones: {', '.join(near)})" if near else "")
        + f"; name one of either kind, or {_RANDOM}."
    )


def pretrained_tag(weights: str | Path) -> PretrainedCfg | None:
    """What timm knows of the weights if they are a tag of its, such as the normalisation of images; None for a file."""
    if Path(weights).is_file() or not timm.is_model(split_model_name_tag(str(weights))[0]):
        return None
    return _resolve_tag(str(weights))[1]


def _resolve_tag(tag: str) -> tuple[str, PretrainedCfg]:
    """The whole tag and what timm knows of it."""
    architecture, label = split_model_name_tag(tag)
    known = {name: config for name, config in get_arch_pretrained_cfgs(architecture).items() if config.has_weights}
    if not known:
        raise UserError(f"encoder.weights='{tag}': timm has no weights for this model; name a weight file.")
    if not label:
        return next(iter(known.items()))  # timm's default of this architecture comes first
    if tag not in known:
        raise UserError(f"encoder.weights='{tag}': timm knows no such tag, but {', '.join(known)}.")
    return tag, known[tag]


def _cached_file(tag: str) -> Path:
    full, config = _resolve_tag(tag)
    looked = []
    if config.hf_hub_id:
        names = (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES
        for name in names:
            found = try_to_load_from_cache(config.hf_hub_id, name)
            if isinstance(found, str):
                return Path(found)
        looked.append(f"{config.hf_hub_id} in {constants.HF_HUB_CACHE}")
    if isinstance(config.url, str) and config.url and not config.url.endswith(".npz"):  # which timm converts
        name = Path(urlparse(config.url).path).name
        path = Path(torch.hub.get_dir()) / "checkpoints" / name
        if path.is_file():
            return path
        looked.append(f"{name} in {path.parent}")
    raise UserError(
        f"encoder.weights='{tag}': understood as the tag '{full}' of timm, whose weights are not on this machine "
        f"(looked for {' and for '.join(looked)}), and nothing is downloaded in a run: fetch them once by "
        f"python -c \"import timm; timm.create_model('{full}', pretrained=True)\", or name a weight file."
    )
