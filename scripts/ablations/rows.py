"""The rows of the ablation: what is trained, and what each row is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fed_reid.errors import UserError


@dataclass(frozen=True)
class Row:
    """A line of the tables.

    Attributes:
        name: In the tables.
        overrides: What is trained, as words for ``python -m fed_reid.train``; nothing for a row that only ranks another
            row's features by another distance.
        before: The row that it adds one thing to; None for the first.
        what: That one thing.
        run: Row whose run is looked at, for a row that trains nothing.
        distance: By which that run's feature is ranked; empty: as the run's config says.
        also: Another row to compare it with; the table of scores does not name it.
    """

    name: str
    overrides: tuple[str, ...]
    before: str | None
    what: str
    run: str = ""
    distance: str = ""
    also: str = ""

    @property
    def trained(self) -> str:
        """Name of the row whose run holds its results."""
        return self.run or self.name


STEPS = (
    Row("vit", ("model=vit",), None, "stripes and identity losses, random erasing"),
    Row("vit_npo", ("model=vit_npo",), "vit", "occluders pasted on the second view"),
    Row(
        "vit_npo_head", ("model=vit_npo_head",), "vit_npo", "the nonlinear head with its own norm, no scores, no memory"
    ),
    Row("fed_oem", ("model=fed_oem",), "vit_npo", "erasing module and its losses, no head"),
    Row(
        "fed_oem_head",
        ("model=fed_oem", "+model.network.nonlinear_head=true", "+loss.weights.id_diffused=1.0"),
        "vit_npo_head",
        "erasing module and its losses",
    ),
    Row("fed_no_memory", ("model=fed_no_memory",), "fed_oem_head", "contrast with a memory that is never read"),
    Row("fed", ("model=fed",), "fed_no_memory", "the memory is read: diffusion", also="fed_oem_head"),
    Row("fed_official", ("model=fed_official",), "fed", "all faults of the official code"),
    Row(
        "transreid",
        ("model=transreid", "augment=npo", "augment.jitter=0.1", "model.bias_floor=proportional"),
        "vit_npo",
        "jigsaw, camera information and triplet losses, FED's pairs",
    ),
)
# method.md, section 12: each of the faults that change numbers, alone in the mended method.
FAULTS = (
    Row(
        "fed_F1", ("model=fed", "model.network.head_merge=batch_mixed"), "fed", "attention mixes the samples of a batch"
    ),
    Row("fed_F2", ("model=fed", "model.network.global_token=first_patch"), "fed", "first patch as the global token"),
    Row("fed_F3", ("model=fed", "model.network.shared_memory=true"), "fed", "one memory for both features"),
    Row("fed_F4", ("model=fed", "model.network.attention_scale=stripe"), "fed", "scale of a stripe's head"),
    Row("fed_F5", ("model=fed", "model.network.separate_norms=false"), "fed", "one neck for both features"),
    Row("fed_F8", ("model=fed", "model.label_rule=contrast"), "fed", "labels from pixel contrast"),
)
OPTIONS = (
    Row("fed_visibility", (), "fed", "distance weighed by the scores", run="fed", distance="visibility"),
    Row("fed_centred", (), "fed", "features centred on mutual neighbours", run="fed", distance="centred"),
    Row("fed_visibility_centred", (), "fed", "both distances at once", run="fed", distance="visibility_centred"),
    Row("vit_centred", (), "vit", "features centred on mutual neighbours", run="vit", distance="centred"),
    Row("vit_mirror", ("model=vit", "mirror=true"), "vit", "mirror images of the test images as well"),
    Row("fed_mirror", ("model=fed", "mirror=true"), "fed", "mirror images of the test images as well"),
    Row("fed_standing", ("model=fed", "geometry=standing"), "fed", "occluders that stand, full-height ones labelled"),
    Row("fed_people", ("model=fed", "occluder=npo_and_people"), "fed", "people among the pasted occluders"),
    Row(
        "fed_things_and_people",
        ("model=fed", "occluder=things_and_people"),
        "fed",
        "both, things standing and people as in FED",
    ),
    Row(
        "fed_bystanders",
        ("model=fed", "occluder=things_and_bystanders"),
        "fed_things_and_people",
        "people in the shape of people, standing",
    ),
    Row(
        "fed_memory_scale",
        ("model=fed", "model.network.memory_scale=feature"),
        "fed",
        "neighbours as long as features",
        also="fed_no_memory",
    ),
    Row(
        "fed_slow_memory",
        ("model=fed", "model.network.memory_momentum=0.9"),
        "fed",
        "rows change slowly",
        also="fed_no_memory",
    ),
    Row(
        "fed_own_neighbors",
        ("model=fed", "model.network.own_neighbors=true"),
        "fed",
        "the own row may be read",
        also="fed_no_memory",
    ),
    Row(
        "fed_read_mean",
        ("model=fed", "model.network.read_at_test=mean"),
        "fed",
        "the mean row is read at test",
        also="fed_no_memory",
    ),
    Row(
        "fed_scores_only",
        ("model=fed", "model.network.erase_stripes=false"),
        "fed",
        "stripes are scored and keep what they show",
    ),
    Row(
        "fed_undo",
        ("model=fed", "loss.weights.undo_clean=1.0"),
        "fed",
        "diffused clean view near the erased one",
        also="fed_no_memory",
    ),
    Row(
        "fed_undo_occluded",
        ("model=fed", "loss.weights.undo_occluded=1.0"),
        "fed",
        "diffused occluded view near the erased clean one",
        also="fed_no_memory",
    ),
)
PLUS = (
    Row("fed_plus", ("model=fed_plus",), "fed", "what conf/model/fed_plus.yaml chooses"),
    Row("fed_plus_plain", (), "fed_plus", "the same, plain distance", run="fed_plus", distance="plain"),
    Row(
        "fed_plus_visibility",
        (),
        "fed_plus",
        "the same, distance weighed by the scores",
        run="fed_plus",
        distance="visibility",
    ),
    Row(
        "fed_plus_erased",
        ("model=fed_plus", "model.network.erase_stripes=true"),
        "fed_plus",
        "the same, stripes erased as in FED",
    ),
    Row(
        "fed_plus_nearest",
        ("model=fed_plus", "model.network.read_at_test=nearest"),
        "fed_plus",
        "the same, at test the nearest rows are read as in FED",
    ),
    Row("fed_plus_no_mirror", ("model=fed_plus", "mirror=false"), "fed_plus", "the same, no mirror images"),
    Row(
        "fed_plus_no_memory",
        ("model=fed_plus", "model.network.read_memory=false"),
        "fed_plus",
        "the same, memory never read",
    ),
    Row(
        "fed_plus_memory_free",
        (
            "model=fed_plus",
            "model.network.read_memory=false",
            "loss.weights.contrast_erased_clean=0",
            "loss.weights.contrast_erased_occluded=0",
            "loss.weights.contrast_diffused_clean=0",
            "loss.weights.contrast_diffused_occluded=0",
        ),
        "fed_plus_no_memory",
        "no contrast with the memory either",
        also="fed_plus",
    ),
)
GROUPS = {"steps": STEPS, "faults": FAULTS, "options": OPTIONS, "plus": PLUS}
ROWS = {row.name: row for group in GROUPS.values() for row in group}


def choose_rows(names: Sequence[str]) -> list[Row]:
    """Rows by name or by the name of a group, in the order of the tables.

    Raises:
        UserError: There is none of such a name.
    """
    unknown = set(names) - ROWS.keys() - GROUPS.keys()
    if unknown:
        raise UserError(f"no rows {', '.join(sorted(unknown))}: expected some of {', '.join([*GROUPS, *ROWS])}")
    chosen = {row.name for name in names for row in GROUPS.get(name, ())} | set(names)
    return [row for row in ROWS.values() if row.name in chosen]
