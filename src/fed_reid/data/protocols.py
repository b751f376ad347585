"""The retrieval protocols by name, what each means, and when two cameras are the same."""

from __future__ import annotations

from typing import TypeVar

import torch

from fed_reid.data.records import UNKNOWN_CAMERA, Protocol, RetrievalSplit
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


def choose_protocol(split: RetrievalSplit) -> Protocol:
    """The rule for which there is enough to know.

    With cameras it is the Market-1501 rule. Without, nothing can be ignored but a query that is in its own gallery,
    which would be the first of its list.
    """
    if any(sample.camid != UNKNOWN_CAMERA for sample in split.samples()):
        return Protocol.SAME_ID_SAME_CAM
    gallery = {sample.path for sample in split.gallery}
    in_gallery = any(query.path in gallery for queries in split.queries.values() for query in queries)
    return Protocol.SAME_IMAGE if in_gallery else Protocol.NONE


def same_camera(first: Cameras, second: Cameras) -> Cameras:
    """Whether camids are equal, for two numbers or two tensors; an unknown camera equals no camera, not even itself."""
    return (first == second) & (second != UNKNOWN_CAMERA)
