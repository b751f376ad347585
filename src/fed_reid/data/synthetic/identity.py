"""What stays the same about a person: build, skin, hair, clothes and what they carry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.raster import Color
from fed_reid.data.synthetic.settings import SyntheticSettings

SPLITS = ("train", "val", "test")

# RGB, because that is how people read colours; and how often people wear them.
_CLOTHES: dict[tuple[int, int, int], float] = {
    (34, 34, 38): 5,  # black
    (92, 95, 101): 3,  # grey
    (158, 160, 163): 2,  # light grey
    (226, 224, 218): 4,  # white
    (38, 48, 84): 4,  # navy
    (64, 96, 158): 3,  # blue
    (128, 170, 208): 2,  # light blue
    (164, 44, 46): 3,  # red
    (110, 34, 48): 1.5,  # burgundy
    (204, 114, 46): 1.5,  # orange
    (218, 184, 74): 1.5,  # yellow
    (62, 110, 70): 2,  # green
    (98, 102, 62): 2,  # olive
    (54, 132, 132): 1.5,  # teal
    (118, 78, 132): 1.5,  # purple
    (208, 138, 156): 1.5,  # pink
    (132, 96, 66): 2,  # brown
    (196, 172, 136): 2.5,  # beige
}
_TROUSERS: dict[tuple[int, int, int], float] = {
    (36, 37, 42): 5,
    (46, 58, 92): 4,  # dark denim
    (88, 112, 150): 3,  # denim
    (86, 88, 94): 3,
    (140, 140, 140): 1.5,
    (182, 160, 126): 2.5,  # khaki
    (104, 82, 62): 2,
    (88, 96, 66): 1.5,
    (214, 210, 200): 1.5,
    (120, 44, 52): 1,
}
_SKINS = ((238, 202, 178), (226, 182, 150), (204, 156, 122), (172, 122, 90), (132, 90, 66), (94, 64, 50))
_HAIRS: dict[tuple[int, int, int], float] = {
    (28, 24, 24): 5,
    (58, 42, 34): 4,
    (96, 66, 44): 3,
    (150, 108, 62): 2,
    (206, 172, 112): 2,
    (150, 70, 40): 1,
    (158, 158, 158): 1.5,
}
_SHOES: dict[tuple[int, int, int], float] = {
    (32, 32, 34): 4,
    (222, 222, 220): 4,
    (96, 66, 46): 3,
    (120, 122, 126): 2,
    (160, 46, 46): 1,
    (50, 74, 140): 1,
}


@dataclass(frozen=True)
class Identity:
    """One person. Lengths are shares of the body height, colours BGR.

    ``upper`` is one of tee, shirt, hoodie, jacket (open over ``inner``), coat; ``pattern`` plain, stripes, plaid,
    two-tone, logo; ``sleeves`` none, short, long; ``lower`` trousers, wide, shorts, skirt, long-skirt;
    ``cut`` bald, buzz, short, bob, long, ponytail, bun, afro; ``hat`` none, cap, beanie, brim;
    ``bag`` none, backpack, cross, tote, handbag.
    """

    pid: int
    stature: float
    girth: float
    shoulders: float
    hips: float
    legs: float
    head: float
    skin: Color
    hair: Color
    cut: str
    upper: str
    pattern: str
    sleeves: str
    upper_color: Color
    second_color: Color
    inner_color: Color
    pattern_scale: float
    hem: float
    ease: float
    lower: str
    lower_color: Color
    side_stripe: bool
    shoe: str
    shoe_color: Color
    bag: str
    bag_color: Color
    hat: str
    hat_color: Color


def _tint(dice: Dice, palette: dict[tuple[int, int, int], float], spread: float = 9.0) -> Color:
    """A colour of the palette, a little off, as BGR."""
    red, green, blue = dice.weighted(palette)
    level = dice.bell(spread)
    return tuple(  # type: ignore[return-value]  # three numbers
        int(min(245, max(14, value + level + dice.bell(spread * 0.5)))) for value in (blue, green, red)
    )


def _distinct(dice: Dice, palette: dict[tuple[int, int, int], float], other: Color) -> Color:
    """A colour of the palette that can be told from ``other``."""
    for _ in range(12):
        color = _tint(dice, palette)
        if sum(abs(a - b) for a, b in zip(color, other, strict=True)) > 110:
            break
    return color


def _fresh(dice: Dice, pid: int) -> Identity:
    """Someone new."""
    feminine = dice.chance(0.5)
    upper = dice.weighted({"tee": 5, "shirt": 3, "hoodie": 3, "jacket": 4, "coat": 1.6})
    if upper in ("tee", "shirt"):
        pattern = dice.weighted({"plain": 5, "stripes": 3, "plaid": 2.2, "two-tone": 2, "logo": 2.6})
    else:
        pattern = dice.weighted({"plain": 6, "two-tone": 2.5, "logo": 1.5 if upper == "hoodie" else 0.3})
    sleeves = dice.weighted({"short": 6, "long": 3, "none": 1.2}) if upper in ("tee", "shirt") else "long"
    lower = dice.weighted(
        {"trousers": 7, "wide": 2, "shorts": 2.2, "skirt": 2.2 if feminine else 0, "long-skirt": 1 if feminine else 0}
    )
    if upper == "coat" and lower in ("shorts", "skirt"):
        lower = "trousers"
    cuts = {"bald": 0, "buzz": 0.3, "short": 1.6, "bob": 2.5, "long": 4, "ponytail": 3, "bun": 2, "afro": 0.6}
    if not feminine:
        cuts = {"bald": 1, "buzz": 2.2, "short": 6, "bob": 0.6, "long": 0.5, "afro": 0.7}
    upper_color = _tint(dice, _CLOTHES)
    bag_color = _distinct(dice, _CLOTHES, upper_color)
    red, green, blue = dice.pick(_SKINS)
    return Identity(
        pid=pid,
        stature=(0.955 if feminine else 1.01) + dice.bell(0.03),
        girth=1.0 + abs(dice.bell(0.11)) - 0.05,
        shoulders=(0.92 if feminine else 1.05) + dice.bell(0.03),
        hips=(1.06 if feminine else 0.96) + dice.bell(0.03),
        legs=1.0 + dice.bell(0.018),
        head=1.0 + dice.bell(0.03),
        skin=(blue, green, red),
        hair=_tint(dice, _HAIRS, 6.0),
        cut=dice.weighted(cuts),
        upper=upper,
        pattern=pattern,
        sleeves=sleeves,
        upper_color=upper_color,
        second_color=_distinct(dice, _CLOTHES, upper_color),
        inner_color=_distinct(dice, _CLOTHES, upper_color),
        pattern_scale=dice.uniform(0.75, 1.35),
        hem=dice.uniform(0.0, 1.0),
        ease=dice.uniform(0.0, 1.0),
        lower=lower,
        lower_color=_tint(dice, _CLOTHES if "skirt" in lower else _TROUSERS),
        side_stripe=lower in ("trousers", "shorts") and dice.chance(0.16),
        shoe=dice.weighted({"sneaker": 5, "dress": 3, "boot": 2}),
        shoe_color=_tint(dice, _SHOES, 6.0),
        bag=dice.weighted({"none": 5, "backpack": 2.6, "cross": 1.8, "tote": 1.4, "handbag": 1.4}),
        bag_color=bag_color,
        hat=dice.weighted({"none": 8, "cap": 1.7, "beanie": 1.2, "brim": 0.6}),
        hat_color=_tint(dice, _CLOTHES),
    )


# What may tell a look-alike from the original: fields taken over from somebody else, always together.
_DIFFERENCES = (
    ("cut", "hair"),
    ("hat", "hat_color"),
    ("bag", "bag_color"),
    ("shoe", "shoe_color"),
    ("lower", "lower_color"),
    ("lower_color",),
    ("pattern", "second_color", "pattern_scale"),
)
_TOLD_APART = 90  # sum of the channel differences above which colours are told apart


def _look_alike(dice: Dice, original: Identity, other: Identity) -> Identity:
    """A near-twin: ``original`` in the build of ``other`` and with one or two of its attributes that can be seen."""
    fields = ["stature", "girth", "shoulders", "hips", "legs", "head"]
    differing = [group for group in _DIFFERENCES if _can_be_seen(group, original, other)]
    for group in dice.shuffled(differing)[: 1 if dice.chance(0.4) else 2]:
        fields += group
    twin = replace(original, pid=other.pid, **{name: getattr(other, name) for name in fields})
    if twin.pattern in ("plaid", "stripes") and twin.upper not in ("tee", "shirt"):
        twin = replace(twin, pattern="two-tone")
    if twin.upper == "coat" and twin.lower in ("shorts", "skirt"):
        twin = replace(twin, lower="trousers")
    return twin


def _can_be_seen(group: tuple[str, ...], one: Identity, two: Identity) -> bool:
    """Whether two people differ in a group of attributes, in kind or clearly in colour."""
    kinds = [getattr(one, group[0]), getattr(two, group[0])]
    if isinstance(kinds[0], str):
        return kinds[0] != kinds[1]
    return sum(abs(a - b) for a, b in zip(*kinds, strict=True)) > _TOLD_APART


@lru_cache(maxsize=8192)
def identity_of(settings: SyntheticSettings, pid: int) -> Identity:
    """The person with this number, counted from 1: first training, then validation, then test.

    Every second number may be a look-alike of the one before it (within its split), more often at a higher
    ``difficulty``.
    """
    dice = Dice(settings.seed, "identity", pid)
    person = _fresh(dice, pid)
    first = first_pids(settings)
    offset = pid - max(start for start in first.values() if start <= pid)
    if offset % 2 == 1 and dice.chance(0.25 * settings.difficulty):
        return _look_alike(dice, identity_of(settings, pid - 1), person)
    return person


def first_pids(settings: SyntheticSettings) -> dict[str, int]:
    """The first identity of each split."""
    return {
        "train": 1,
        "val": 1 + settings.train_ids,
        "test": 1 + settings.train_ids + settings.val_ids,
    }


def pids_of(settings: SyntheticSettings, split: str) -> range:
    """The identities of ``train``, ``val`` or ``test``."""
    start = first_pids(settings)[split]
    return range(
        start, start + {"train": settings.train_ids, "val": settings.val_ids, "test": settings.test_ids}[split]
    )
