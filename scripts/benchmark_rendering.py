"""How many synthetic images a core renders and encodes in a second, over the mix of the frozen benchmark.

OMP_NUM_THREADS=1 python scripts/benchmark_rendering.py [images]
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict

import cv2

from fed_reid.data.synthetic.compose import render
from fed_reid.data.synthetic.plan import plan
from fed_reid.data.synthetic.settings import SyntheticSettings


def main() -> None:
    """Renders an even sample of the plan twice; the second time, backgrounds and occluders are there already."""
    cv2.setNumThreads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    settings = SyntheticSettings()
    shots = plan(settings)
    sample = [shots[k * len(shots) // count] for k in range(count)]
    for title in ("with scenes and occluders made on the way", "warm"):
        seconds: dict[str, list[float]] = defaultdict(list)
        start = time.perf_counter()
        for shot in sample:
            before = time.perf_counter()
            cv2.imencode(".jpg", render(settings, shot).image)
            seconds[shot.content].append(time.perf_counter() - before)
        rate = count / (time.perf_counter() - start)
        kinds = ", ".join(f"{name} {len(times) / sum(times):.0f}" for name, times in sorted(seconds.items()))
        print(f"{title}: {rate:.0f} images/s on one core ({count} images; {kinds})")


if __name__ == "__main__":
    main()
