"""Scores and differences that the documents name in running text are those of results/."""

import csv
import re
from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OCCLUDED = ("npo", "ntp", "mixed")
NUMBERS = re.compile(r"[+-]?\d+\.\d(?: / [+-]?\d+\.\d){2,3}(?![\d%])")
ELSEWHERE = {  # of trainings that are in no file here; the text says of which, and how to repeat them
    "99.1 / 82.2 / 72.8 / 65.6",
    "99.1 / 73.1 / 73.8 / 65.0",
    "99.4 / 77.8 / 68.1 / 57.8",
}


def lines_of(name):
    with (ROOT / "results" / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def means(name, measure):
    """Means over the seeds of every row and feature, holistic and the three occluded query sets."""
    found = defaultdict(list)
    for line in lines_of(name):
        found[line["model"], line["feature"], line["query_set"]].append(float(line[measure]))
    rows = {key[:2] for key in found}
    mean = {key: sum(values) / len(values) for key, values in found.items()}
    return [tuple(mean[*row, query_set] for query_set in ("holistic", *OCCLUDED)) for row in rows]


@pytest.fixture(scope="module")
def known():
    """Every score, and every difference of two scores of the same table."""
    scores, differences = [], []
    for folder, measure in product((".", "validation", "fresh"), ("rank1", "mAP")):
        rows = means(f"{folder}/ablation.csv", measure)
        scores += rows
        differences += [tuple(b - a for a, b in zip(*pair, strict=True)) for pair in product(rows, rows)]
    gallery = defaultdict(dict)
    for line in lines_of("diffusion_gallery.csv"):
        gallery[line["model"], line["seed"], line["measure"].rpartition("/")[2]][line["measure"]] = float(line["value"])
    for (_, _, swap), values in gallery.items():
        row = [values.get(f"mAP/{query_set}/{swap}") for query_set in OCCLUDED]
        scores += [(0.0, *row)] if None not in row else []
    return scores, differences


@pytest.mark.parametrize("document", ["README.md", "docs/ablation.md", "docs/evaluation.md", "docs/differences.md"])
def test_numbers_in_running_text(known, document):
    text = (ROOT / document).read_text(encoding="utf-8")
    text = "\n".join("" if line.startswith("|") else line for line in text.splitlines())
    unknown = []
    for quoted in NUMBERS.findall(re.sub(r"\s+", " ", text)):
        values = [float(number) for number in quoted.split(" / ")]
        among = known[1] if quoted[0] in "+-" else known[0]
        if quoted not in ELSEWHERE and not any(
            all(abs(a - b) < 0.051 for a, b in zip(values, row[-len(values) :], strict=True)) for row in among
        ):
            unknown.append(quoted)
    assert unknown == []
