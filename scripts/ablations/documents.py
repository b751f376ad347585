"""The tables in README and docs that are made from the files in results/, and their places there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ablations.settings import setting_table
from ablations.tables import (
    detection_table,
    distance_table,
    feature_table,
    read_csv,
    score_table,
    step_table,
    swap_table,
)

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
FRESH = RESULTS / "fresh"  # of people whom nobody had looked at (scripts/fresh_people.py)
DOCUMENTS = (
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("ablation.md", "evaluation.md", "synthetic.md")),
)
IN_README = (
    *("vit", "vit_npo", "vit_npo_head", "fed_oem_head", "fed_no_memory", "fed"),
    *("fed_plus", "fed_plus_no_memory"),
)
CONTROL = "fed_no_memory"  # of whatever is done about the diffusion module
IN_RECIPE = {  # rows that the recipe was looked at with, and their features
    "vit": ["stripes"],
    "vit_npo": ["stripes"],
    "fed_official": ["diffused", "erased"],
    "fed": ["diffused", "erased"],
    "fed_F8": ["diffused"],
    "fed_no_memory": ["diffused"],
}
IN_FRESH = (*IN_README, "fed_plus_no_mirror", "fed_plus_memory_free")
FRESH_STEPS = {  # what was aimed at, and what was not chosen as it should have been
    ("fed", "vit"),
    ("fed", "fed_no_memory"),
    ("fed_plus", "vit"),
    ("fed_plus_no_mirror", "vit"),
    *((f"fed_plus_{name}", "fed_plus") for name in ("no_mirror", "erased", "nearest", "no_memory", "memory_free")),
}
MIRRORED = ("vit", "vit_mirror", "fed", "fed_mirror", "fed_plus", "fed_plus_no_mirror")


def document_tables(results: Path) -> dict[str, str]:
    """Name of each table in the documents to its Markdown."""
    scores = read_csv(results / "ablation.csv")
    steps = read_csv(results / "ablation_steps.csv")
    fresh_steps = read_csv(results / FRESH.name / "ablation_steps.csv")
    settings = (read_csv(results / f"diffusion_settings{part}.csv") for part in ("", "_steps"))
    return {
        "readme": score_table(scores, IN_README, brief=True),
        "scores": score_table(scores),
        "steps": step_table(steps),
        "mends": step_table([line for line in steps if line["against"] == CONTROL]),
        "recipe": feature_table(read_csv(results / "validation" / "ablation.csv"), IN_RECIPE),
        "fresh": score_table(read_csv(results / FRESH.name / "ablation.csv"), IN_FRESH, brief=True),
        "fresh_steps": step_table([line for line in fresh_steps if (line["model"], line["against"]) in FRESH_STEPS]),
        "oem": detection_table(read_csv(results / "ablation_oem.csv")),
        "mirror": score_table(scores, MIRRORED),
        "diffusion": swap_table(read_csv(results / "diffusion.csv")),
        "settings": setting_table(*settings),
        "distances": distance_table(read_csv(results / "distances.csv")),
    }


def fill_in(document: str, tables: Mapping[str, str]) -> str:
    """The document with each table between its markers, ``<!-- ablation: NAME -->`` and ``<!-- end -->``."""
    for name, table in tables.items():
        begin, end = f"<!-- ablation: {name} -->", "<!-- end -->"
        before, found, rest = document.partition(begin)
        if not found:
            continue
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the document has {begin} without {end} behind it")
        document = f"{before}{begin}\n{table}\n{end}{after}"
    return document


def publish() -> None:
    """Brings every table in the documents to what results/ says."""
    tables = document_tables(RESULTS)
    for path in DOCUMENTS:
        path.write_text(fill_in(path.read_text(encoding="utf-8"), tables), encoding="utf-8")
