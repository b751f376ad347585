"""Pre-trained encoder weights from a file of the user's, whatever project wrote it."""

from fed_reid.models.weights.loading import load_encoder_weights
from fed_reid.models.weights.positions import PositionResize, resize_position_embedding
from fed_reid.models.weights.report import LoadReport
from fed_reid.models.weights.source import require_weights

__all__ = [
    "LoadReport",
    "PositionResize",
    "load_encoder_weights",
    "require_weights",
    "resize_position_embedding",
]
