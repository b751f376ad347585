"""Processes that write a benchmark side by side.

They are fresh interpreters that import this module alone. Processes forked from a caller that has used OpenCV or torch
threads can hang, and spawned ones import the caller's main module, torch included, before they begin.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2

import fed_reid
from fed_reid.data.synthetic.jobs import Job, Row, write_job
from fed_reid.data.synthetic.settings import SyntheticSettings


def run_jobs(settings: SyntheticSettings, root: Path, jobs: list[Job], workers: int) -> Iterator[list[Row]]:
    """Rows of each job, in the order of the jobs, while ``workers`` processes write.

    Process k takes the jobs k, k + workers, and so on. One worker means this very process.

    Raises:
        RuntimeError: If a process fails; its own traceback is on the standard error.
    """
    if workers == 1:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # the images are far too small to share among threads
        try:
            for job in jobs:
                yield write_job(settings, root, job)
        finally:
            cv2.setNumThreads(threads)
        return
    processes: list[subprocess.Popen[str]] = []
    try:
        for number in range(workers):
            process = _start()
            processes.append(process)
            assert process.stdin is not None
            with process.stdin as pipe:
                json.dump({"settings": settings.as_dict(), "root": str(root), "jobs": jobs[number::workers]}, pipe)
        for number in range(len(jobs)):
            process = processes[number % workers]
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"A rendering process ended with status {process.wait()} before its work was done.")
            yield json.loads(line)
    finally:
        for process in processes:
            process.kill()  # has no effect on those that are done
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _start() -> subprocess.Popen[str]:
    # The package may be importable only because of the caller's sys.path.
    source = str(Path(fed_reid.__file__).parents[1])
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", "fed_reid.data.synthetic.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    )


def main() -> None:
    """Reads jobs from the standard input and answers with a line of JSON, the rows, for each."""
    cv2.setNumThreads(1)
    order = json.load(sys.stdin)
    settings, root = SyntheticSettings(**order["settings"]), Path(order["root"])
    for split, number in order["jobs"]:
        sys.stdout.write(json.dumps(write_job(settings, root, (split, number))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
