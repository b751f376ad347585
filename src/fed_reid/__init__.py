"""fed-reid: occluded person re-identification with FED (Feature Erasing and Diffusion Network, CVPR 2022)."""

import os

# albumentations asks the network for updates on import unless told not to; nothing of ours may need the network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

__version__ = "0.1.0"
