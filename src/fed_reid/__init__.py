"""fed-reid: occluded person re-identification with FED (Feature Erasing and Diffusion Network, CVPR 2022)."""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fed_reid.api import Embedder, Embeddings, Hits

# albumentations asks the network for updates on import unless told not to; nothing of ours may need the network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

__version__ = "0.1.0"

__all__ = ["Embedder", "Embeddings", "Hits", "__version__"]


def __getattr__(name: str) -> object:
    """``from fed_reid import Embedder``, and no torch for those who only want the version."""
    if name in __all__:
        return getattr(import_module("fed_reid.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
