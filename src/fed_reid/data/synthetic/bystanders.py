"""Other people in the crop: who they are and where they stand."""

from __future__ import annotations

from fed_reid.data.synthetic.cameras import Camera
from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.figure import draw_person
from fed_reid.data.synthetic.identity import identity_of, pids_of
from fed_reid.data.synthetic.placement import Placed, Standing, neighbour_shift
from fed_reid.data.synthetic.plan import Shot
from fed_reid.data.synthetic.pose import draw_pose
from fed_reid.data.synthetic.raster import Layer
from fed_reid.data.synthetic.settings import SyntheticSettings

POSITIONS = ("front", "beside", "behind")  # foremost first

# By position: size relative to the target's, how much lower the feet are (in canvas heights), share to overlap.
_SIZES = {"front": (1.0, 1.1), "beside": (0.97, 1.04), "behind": (0.85, 0.95)}
_LOWER = {"front": 0.035, "beside": 0.005, "behind": -0.035}
_OVERLAPS = {"front": (0.15, 0.5), "beside": (0.04, 0.2), "behind": (0.1, 0.5)}


def draw_bystanders(
    settings: SyntheticSettings, shot: Shot, dice: Dice, camera: Camera, target: Standing
) -> list[Placed]:
    """One or two other identities of the same split, foremost first.

    Those in front and beside hide some of the target, less in a mixed image; those behind hide nothing.

    Args:
        settings: The benchmark.
        shot: The image; its content is ntp or mixed.
        dice: Decides who, where and how.
        camera: Who looks.
        target: Where the target stands.

    Returns:
        Layers; their labels are the positions.
    """
    height, width = target.silhouette.shape
    pids = [pid for pid in pids_of(settings, shot.split) if pid != shot.pid]
    chosen = [dice.pick(pids)]
    if len(pids) > 1 and dice.chance(0.35):
        chosen.append(dice.pick([pid for pid in pids if pid != chosen[0]]))
    mixed = shot.content == "mixed"
    first = dice.weighted({"front": 6.0, "beside": 4.0} if mixed else {"front": 5.5, "beside": 2.5, "behind": 2.0})
    positions = [first, dice.pick(("beside", "behind"))]
    side = dice.sign()
    others = []
    for pid, position in zip(chosen, positions, strict=False):  # one position is left over where there is one person
        person = identity_of(settings, pid)
        layer = Layer.empty(height, 2 * width)
        scale = target.scale * dice.uniform(*_SIZES[position])
        feet = (width, target.feet[1] + height * _LOWER[position])
        draw_person(layer, person, draw_pose(dice, person.bag), scale, feet, camera)
        overlap = dice.uniform(*_OVERLAPS[position]) * (0.6 if mixed else 1.0)
        left = neighbour_shift(layer.mask, target, side, overlap)
        others.append(Placed(layer, left, 0, position))
        side = -side
    return sorted(others, key=lambda other: POSITIONS.index(other.label))
