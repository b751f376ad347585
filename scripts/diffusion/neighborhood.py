"""Who the neighbours are: how near, whether an occluded image has the same ones as a whole one, and what they wear.

Shape legend: N images, K neighbours, C identities, E feature width, Q queries, G gallery images.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion.opening import Trained
from fed_reid.data.records import Sample
from fed_reid.data.synthetic.identity import Identity, identity_of

WORN = ("upper_color", "lower_color", "hair", "pattern", "lower", "bag")
TOLD_APART = 90  # sum of the channel differences from which on two colours are two: as the renderer has it
WHOLE = 0.999  # visible share of an image that nothing occludes
LOWER_HALF = slice(2, 4)  # stripes of trousers and shoes
HIDDEN = 0.3  # visible share of them below which nobody can tell the colour of trousers


def measure_neighbors(trained: Trained, erased: Tensor) -> dict[str, float]:
    """Measure 6 for erased features [N, E] of the validation images."""
    network = trained.network
    indices = network.memory.search(erased, network.num_neighbors)  # [N, K]
    cosine = F.normalize(erased) @ F.normalize(network.memory.centers).T  # [N, C]
    found = {
        "neighbor_cosine": cosine.gather(1, indices).mean().item(),
        "random_cosine": cosine.mean().item(),
        "neighbor_overlap/chance": network.num_neighbors / cosine.shape[1],
    }
    found |= _overlaps(trained, indices)
    if trained.settings is not None:
        found |= _likeness(trained, indices)
    return found


def gallery_rows(trained: Trained, erased: Tensor, other: bool = False) -> Tensor:
    """What ``Swap.TRUE`` gives [N, 1, E]: to every query the mean of its person's whole gallery images, of unit length.

    With ``other`` (``Swap.OTHER``) those of somebody else: of who is half of all people further on, since numbers side
    by side may be look-alikes.
    """
    split, visible = trained.split, trained.data.benchmark.visible_share
    pids = torch.tensor([sample.pid for sample in split.samples()])
    whole = torch.tensor([visible.get(sample.path, 1.0) >= WHOLE for sample in split.gallery])
    gallery = len(split.gallery)
    people, places = pids.unique(return_inverse=True)
    searched = people[(places + len(people) // 2) % len(people)] if other else pids
    same = (searched[:, None] == pids[:gallery]) & whole  # [N, G]
    given = F.normalize(same.float() @ F.normalize(erased[:gallery]))
    given[:gallery] = 0  # the gallery reads its own neighbours, or equal rows alone would bring both together
    return given[:, None]


def nearest_in_gallery(trained: Trained, erased: Tensor) -> Tensor:
    """What ``Swap.GALLERY`` gives [N, K, E]: to every image its nearest others of the gallery, of unit length."""
    rows = F.normalize(erased)
    gallery = rows[: len(trained.split.gallery)]
    similarity = rows @ gallery.T  # [N, G]
    similarity.fill_diagonal_(-torch.inf)  # the gallery comes first
    return gallery[similarity.topk(trained.network.num_neighbors).indices]


def shared_neighbors(indices: Tensor, others: Tensor, num_classes: int) -> Tensor:
    """Share of the neighbours [Q, K] that are also among those of others [G, K]: [Q, G]."""
    sets = [F.one_hot(some, num_classes).sum(1).float() for some in (indices, others)]  # [Q, C], [G, C]
    return sets[0] @ sets[1].T / indices.shape[1]


def _overlaps(trained: Trained, indices: Tensor) -> dict[str, float]:
    """Queries beside whole gallery images of the same and of other people.

    If diffusion worked, an occluded image would have the neighbours that the whole person has: the share near that of
    holistic queries, and far above that of other people.
    """
    split, visible = trained.split, trained.data.benchmark.visible_share
    whole = torch.tensor([visible.get(sample.path, 1.0) >= WHOLE for sample in split.gallery])
    gallery, rows = torch.tensor([sample.pid for sample in split.gallery]), split.rows()
    found = {}
    for name, queries in split.queries.items():
        pids = torch.tensor([sample.pid for sample in queries])
        shared = shared_neighbors(indices[list(rows[name])], indices[list(rows["gallery"])], trained.data.num_classes)
        same = pids[:, None] == gallery
        found[f"neighbor_overlap/{name}"] = shared[same & whole].mean().item()
        found[f"neighbor_overlap/{name}_others"] = shared[~same & whole].mean().item()
    return found


def _likeness(trained: Trained, indices: Tensor) -> dict[str, float]:
    """Share of neighbours who wear what the person wears, beside all training identities.

    ``npo_hidden`` are queries whose lower half is hidden: only if neighbours share the colour of trousers with *them*
    more often than chance can they give back what is not seen.
    """
    settings = trained.settings
    assert settings is not None
    training = [identity_of(settings, pid) for pid in sorted(trained.data.benchmark.label_of_pid())]
    rows_of = trained.split.rows()
    groups = {name: list(rows_of.get(name, ())) for name in ("holistic", "npo")}
    samples = trained.split.samples()
    groups["npo_hidden"] = [row for row in groups["npo"] if _hides_lower_half(trained, samples[row])]
    found = {}
    for group, rows in groups.items():
        for attribute in WORN if rows else ():
            people = [identity_of(settings, samples[row].pid) for row in rows]
            alike = _alike(people, training, attribute)  # [rows, C]
            found[f"alike/{attribute}/{group}/neighbors"] = alike.gather(1, indices[rows]).mean().item()
            found[f"alike/{attribute}/{group}/random"] = alike.mean().item()
    return found


def _alike(people: Sequence[Identity], others: Sequence[Identity], attribute: str) -> Tensor:
    """Whether two people share an attribute, 0 or 1, [people, others]."""
    if isinstance(getattr(others[0], attribute), str):
        codes = {value: code for code, value in enumerate({getattr(one, attribute) for one in (*people, *others)})}
        one, other = (torch.tensor([codes[getattr(p, attribute)] for p in group]) for group in (people, others))
        return (one[:, None] == other).float()
    one, other = (torch.tensor([getattr(p, attribute) for p in group], dtype=torch.float) for group in (people, others))
    return (torch.cdist(one, other, p=1) < TOLD_APART).float()


def _hides_lower_half(trained: Trained, sample: Sample) -> bool:
    stripes = trained.data.benchmark.stripe_visibility.get(sample.path)
    return stripes is not None and max(stripes[LOWER_HALF]) < HIDDEN
