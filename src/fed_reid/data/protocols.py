"""The retrieval protocols by name, what each means, and when two cameras are the same."""

from __future__ import annotations

from typing import TypeVar

import torch

from fed_reid.data.records import UNKNOWN_CAMERA, Protocol
from fed_reid.errors import UserError

Cameras = TypeVar("Cameras", int, torch.Tensor)

PROTOCOL_RULES = {
    Protocol.SAME_ID_SAME_CAM: "gallery images of the query's identity from the query's camera are ignored",
    Protocol.SAME_IMAGE: "only the query's own file is ignored",
    Protocol.NONE: "no gallery image is ignored",
}


def parse_protocol(name: str, key: str = "data.protocol") -> Protocol:
    """The protocol called ``name``.

    Args:
        name: As configured.
        key: Config key that says so, for the message.

    Raises:
        UserError: There is none.
    """
    try:
        return Protocol(name)
    except ValueError:
        raise UserError(f"{key} is {name!r}; expected one of {', '.join(Protocol)}.") from None


def same_camera(first: Cameras, second: Cameras) -> Cameras:
    """Whether camids are equal, for two numbers or two tensors; an unknown camera equals no camera, not even itself."""
    return (first == second) & (second != UNKNOWN_CAMERA)
