"""What came of loading a weight file, for the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_SHOWN = 3  # names in a line


@dataclass
class LoadReport:
    """What came of loading a weight file.

    Attributes:
        source: ``encoder.weights`` and the file that it meant.
        kind: What the file was recognised as.
        loaded: Tensors of the encoder that were filled, the resized ones among them.
        share: Of the encoder's pre-trained parameters (a camera table is none), in [0, 1].
        parameters: How many those are.
        resized: Tensor to what was done.
        skipped: Tensor of the file to why it was left out.
        fresh: Tensor of the encoder that no file has to why it keeps its fresh values.
    """

    source: str
    kind: str
    loaded: int
    share: float
    parameters: int
    resized: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    fresh: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report as a few lines: one for each reason and not one for each tensor."""
        lines = [
            f"Encoder weights {self.source} ({self.kind}): {self.loaded} tensors loaded, {100 * self.share:.1f} % of "
            f"{self.parameters / 1e6:.1f} M parameters."
        ]
        for label, reasons in (("resized", self.resized), ("skipped", self.skipped), ("fresh", self.fresh)):
            lines += [f"  {label:8} {_shorten(names)}: {reason}" for reason, names in _by_reason(reasons).items()]
        return lines

    def log(self) -> None:
        """Writes the lines to the log."""
        for line in self.lines():
            log.info(line)


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        grouped.setdefault(reason, []).append(name)
    return grouped


def _shorten(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
