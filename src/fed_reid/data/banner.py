"""What was found, in a few lines of the log, so that a wrong folder is seen at once."""

from __future__ import annotations

import logging

from fed_reid.data.protocols import PROTOCOL_RULES
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark

log = logging.getLogger(__name__)


def log_banner(benchmark: Benchmark) -> None:
    """Logs the folder, the size of every split, the protocol, and the notes of a benchmark."""
    log.info("%s in %s", benchmark.name, benchmark.root)
    for name, samples in benchmark.splits().items():
        pids = {sample.pid for sample in samples}
        camids = {sample.camid for sample in samples} - {UNKNOWN_CAMERA}
        log.info("  %-20s %5d ids %6d images %3d cameras", name, len(pids), len(samples), len(camids))
    if benchmark.test.queries:
        log.info("  protocol %s: %s", benchmark.protocol, PROTOCOL_RULES[benchmark.protocol])
    for note in benchmark.notes:
        log.info("  %s", note)
