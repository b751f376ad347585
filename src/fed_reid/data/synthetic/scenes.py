"""Backgrounds: one wide picture for each camera, of which every image shows a part."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.raster import scaled

SCENE_HEIGHT, SCENE_WIDTH = 432, 1500  # canvas pixels for a crop of 384 x 192


def draw_scene(family: str, dice: Dice) -> np.ndarray:
    """A wide background.

    Args:
        family: One of ``FAMILIES``.
        dice: Decides colours and details.

    Returns:
        uint8 [SCENE_HEIGHT, SCENE_WIDTH, 3], BGR; the ground begins between the middle and the lower third.
    """
    canvas = FAMILIES[family](dice)
    return cv2.GaussianBlur(canvas, (5, 5), 1.1)  # a little out of focus behind the people


def grain(dice: Dice, height: int, width: int, cell: int, strength: float) -> np.ndarray:
    """float32 [height, width, 1] smooth noise around 0; ``cell`` is the size of its patches in pixels."""
    coarse = dice.field(height // cell + 2, width // cell + 2) - 0.5
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)[:, :, None] * 2 * strength


def _filled(height: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, SCENE_WIDTH, 3), color, np.float32)


def _finish(wall: np.ndarray, ground: np.ndarray, edge: float = 0.7) -> np.ndarray:
    """Stacks wall and ground with a darkened seam, which sits the wall on the ground."""
    wall[-10:] *= np.linspace(1, edge, 10, dtype=np.float32)[:, None, None]
    depth = np.linspace(0.88, 1.08, len(ground), dtype=np.float32)[:, None, None]
    return np.clip(np.rint(np.concatenate((wall, ground * depth))), 0, 255).astype(np.uint8)


def _split(dice: Dice) -> tuple[int, int]:
    wall = dice.integer(250, 300)
    return wall, SCENE_HEIGHT - wall


def _perspective_lines(
    ground: np.ndarray, color: tuple[int, int, int], spacing: int, rows: int, thick: int = 2
) -> None:
    """Joints of paving seen from above: rows that come closer towards the wall and columns that converge there."""
    height = len(ground)
    for row in range(rows):
        y = int(height * (row / rows) ** 1.6)
        cv2.line(ground, (0, y), (SCENE_WIDTH, y), color, max(1, round(thick * (0.5 + row / rows))))
    middle = SCENE_WIDTH / 2
    for x in range(-SCENE_WIDTH, 2 * SCENE_WIDTH, spacing):
        cv2.line(ground, (round(middle + (x - middle) * 0.62), 0), (x, height), color, thick)


def _brick(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    base = dice.pick(((74, 92, 150), (92, 118, 168), (112, 122, 140)))
    wall = _filled(tall, scaled(base, 1.32))
    for row in range(tall // 16 + 1):
        shift = 18 if row % 2 else 0
        for column in range(SCENE_WIDTH // 36 + 2):
            x, y = column * 36 - shift, row * 16
            tone = dice.uniform(0.86, 1.1)
            cv2.rectangle(wall, (x, y), (x + 33, y + 13), tuple(c * tone for c in base), -1)
    wall += grain(dice, tall, SCENE_WIDTH, 60, 14)
    ground = _filled(low, (62, 128, 96)) + grain(dice, low, SCENE_WIDTH, 40, 16)
    for _ in range(5200):
        x, y = dice.integer(0, SCENE_WIDTH), dice.integer(0, low)
        tone = dice.uniform(0.72, 1.3)
        cv2.line(
            ground, (x, y), (x + dice.integer(-3, 3), y - dice.integer(4, 9)), (58 * tone, 128 * tone, 92 * tone), 1
        )
    return _finish(wall, ground)


def _leaves(canvas: np.ndarray, dice: Dice, count: int, size: tuple[int, int], top: int, bottom: int) -> None:
    for number in range(count):
        depth = 0.45 + 0.75 * number / count  # later leaves are nearer the light
        hue = dice.uniform(-1, 1)
        color = ((44 + 8 * hue) * depth, (112 + 14 * hue) * depth, (78 + 26 * hue) * depth)
        center = (dice.integer(0, canvas.shape[1]), dice.integer(top, bottom))
        axes = (dice.integer(*size), max(2, dice.integer(*size) // 2))
        cv2.ellipse(canvas, center, axes, dice.integer(0, 180), 0, 360, color, -1)


def _park(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    wall = _filled(tall, (196, 186, 168))
    wall[tall // 3 :] = (38, 70, 52)
    for _ in range(16):
        x, thick = dice.integer(0, SCENE_WIDTH), dice.integer(12, 30)
        cv2.rectangle(wall, (x, 0), (x + thick, tall), (48, 66, 82), -1)
        cv2.rectangle(wall, (x, 0), (x + thick // 3, tall), (66, 86, 104), -1)
    _leaves(wall, dice, 900, (10, 26), 0, tall // 2)
    _leaves(wall, dice, 2600, (6, 16), tall // 3, tall)
    ground = (
        _filled(low, (142, 168, 186)) + grain(dice, low, SCENE_WIDTH, 30, 12) + grain(dice, low, SCENE_WIDTH, 5, 12)
    )
    cv2.rectangle(ground, (0, 0), (SCENE_WIDTH, low // 5), (72, 132, 104), -1)
    return _finish(wall, ground, 0.6)


def _street(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    wall = _filled(tall, (186, 180, 172))
    x = 0
    while x < SCENE_WIDTH:
        width = dice.integer(180, 320)
        tone = dice.pick(((176, 190, 204), (150, 168, 190), (190, 186, 182), (160, 176, 172)))
        cv2.rectangle(wall, (x, 0), (x + width, tall), tone, -1)
        for column in range(x + 18, x + width - 34, 58):
            for row in range(-20, tall - 90, 86):
                cv2.rectangle(wall, (column - 3, row - 3), (column + 37, row + 61), scaled(tone, 1.16), -1)
                cv2.rectangle(wall, (column, row), (column + 34, row + 58), (112, 98, 88), -1)
                cv2.line(wall, (column + 17, row), (column + 17, row + 58), (150, 140, 130), 2)
        x += width
    cv2.rectangle(wall, (0, tall - 26), (SCENE_WIDTH, tall), (176, 178, 178), -1)
    cv2.rectangle(wall, (0, tall - 8), (SCENE_WIDTH, tall), (136, 138, 140), -1)
    ground = (
        _filled(low, (112, 110, 110)) + grain(dice, low, SCENE_WIDTH, 6, 12) + grain(dice, low, SCENE_WIDTH, 90, 10)
    )
    for x in range(-300, SCENE_WIDTH + 300, 250):
        stripe = np.array([[x, 20], [x + 34, 20], [x + 78, low], [x + 8, low]], np.int32)
        cv2.fillPoly(ground, [stripe], (206, 214, 216))
    cv2.line(ground, (0, 14), (SCENE_WIDTH, 14), (96, 186, 208), 5)
    return _finish(wall, ground)


def _plaza(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    wall = _filled(tall, (206, 214, 220)) + grain(dice, tall, SCENE_WIDTH, 80, 8)
    for row in range(0, tall, 62):
        cv2.line(wall, (0, row), (SCENE_WIDTH, row), (178, 186, 192), 2)
    for x in range(dice.integer(0, 150), SCENE_WIDTH, 300):
        for part, tone in enumerate((0.72, 0.92, 1.0, 0.94, 0.8)):
            cv2.rectangle(wall, (x + part * 13, 0), (x + part * 13 + 13, tall), scaled((200, 208, 216), tone), -1)
        cv2.rectangle(wall, (x - 8, tall - 24), (x + 73, tall), (160, 168, 176), -1)
    for step in range(3):
        cv2.rectangle(
            wall, (0, tall - 30 + step * 10), (SCENE_WIDTH, tall), scaled((176, 182, 188), 1 - 0.08 * step), -1
        )
    ground = _filled(low, (172, 184, 194)) + grain(dice, low, SCENE_WIDTH, 24, 9)
    _perspective_lines(ground, (136, 146, 156), 96, 6)
    return _finish(wall, ground)


def _shops(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    wall = _filled(tall, (86, 92, 104))
    x = -60
    while x < SCENE_WIDTH:
        width = dice.integer(210, 300)
        sign = dice.pick(((70, 66, 150), (120, 92, 52), (70, 110, 66), (64, 120, 170), (110, 76, 110)))
        cv2.rectangle(wall, (x, 0), (x + width, 60), sign, -1)
        for letter in range(x + 40, x + width - 50, 22):
            cv2.rectangle(wall, (letter, 18), (letter + 13, 42), (214, 218, 220), -1)
        for stripe in range(x, x + width, 26):
            cv2.rectangle(wall, (stripe, 60), (stripe + 13, 84), scaled(sign, 1.3), -1)
            cv2.rectangle(wall, (stripe + 13, 60), (stripe + 26, 84), (216, 218, 220), -1)
        cv2.rectangle(wall, (x + 12, 84), (x + width - 12, tall - 26), (152, 164, 166), -1)
        for _ in range(7):
            left, top = dice.integer(x + 16, x + width - 60), dice.integer(110, tall - 90)
            tone = dice.uniform(0.8, 1.25)
            goods = dice.pick(((120, 140, 180), (150, 130, 110), (110, 150, 130), (180, 180, 190)))
            cv2.rectangle(wall, (left, top), (left + dice.integer(14, 40), tall - 34), scaled(goods, tone), -1)
        glare = np.array(
            [[x + 40, 84], [x + 80, 84], [x + 40, tall - 26], [x + 12, tall - 26], [x + 12, 150]], np.int32
        )
        pane = wall.copy()
        cv2.fillPoly(pane, [glare], (206, 210, 208))
        wall = cv2.addWeighted(wall, 0.7, pane, 0.3, 0)
        cv2.rectangle(wall, (x + width - 12, 84), (x + width + 2, tall), (64, 66, 72), -1)
        x += width
    ground = _filled(low, (158, 160, 166)) + grain(dice, low, SCENE_WIDTH, 16, 9)
    _perspective_lines(ground, (132, 134, 140), 150, 4, 3)
    return _finish(wall, ground)


def _corridor(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    wall = _filled(tall, (200, 212, 216)) + grain(dice, tall, SCENE_WIDTH, 120, 6)
    wall[: tall // 7] = (226, 232, 234)
    cv2.rectangle(wall, (0, tall - 120), (SCENE_WIDTH, tall - 106), (150, 160, 150), -1)
    for x in range(dice.integer(0, 120), SCENE_WIDTH, 330):
        door = dice.pick(((96, 122, 156), (130, 138, 120), (150, 140, 120)))
        cv2.rectangle(wall, (x - 9, 40), (x + 129, tall), scaled(door, 0.7), -1)
        cv2.rectangle(wall, (x, 50), (x + 120, tall), door, -1)
        cv2.rectangle(wall, (x + 34, 80), (x + 86, 150), (206, 210, 196), -1)
        cv2.circle(wall, (x + 106, 190), 6, (190, 200, 206), -1)
        cv2.rectangle(
            wall,
            (x + 180, 96),
            (x + 270, 170),
            scaled(dice.pick(((120, 170, 200), (160, 150, 120), (150, 190, 160))), 1.05),
            -1,
        )
    cv2.rectangle(wall, (0, tall - 14), (SCENE_WIDTH, tall), (110, 116, 122), -1)
    ground = _filled(low, (160, 172, 180)) + grain(dice, low, SCENE_WIDTH, 8, 7)
    reflection = cv2.blur(np.ascontiguousarray(wall[::-1][:low]), (9, 41))
    ground = ground * 0.74 + reflection[:low] * 0.26
    _perspective_lines(ground, (146, 156, 164), 128, 5)
    return _finish(wall, ground, 0.85)


def _station(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    wall = _filled(tall, (190, 200, 196))
    for x in range(0, SCENE_WIDTH, 30):
        cv2.line(wall, (x, 0), (x, tall), (168, 176, 172), 2)
    for y in range(0, tall, 30):
        cv2.line(wall, (0, y), (SCENE_WIDTH, y), (168, 176, 172), 2)
    cv2.rectangle(wall, (0, 70), (SCENE_WIDTH, 112), (140, 96, 52), -1)
    for x in range(60, SCENE_WIDTH, 360):
        cv2.rectangle(wall, (x, 128), (x + 150, 230), dice.pick(((90, 150, 200), (150, 110, 90), (110, 160, 120))), -1)
        cv2.rectangle(wall, (x + 14, 142), (x + 90, 160), (226, 226, 226), -1)
    ground = _filled(low, (128, 128, 132)) + grain(dice, low, SCENE_WIDTH, 7, 10)
    cv2.rectangle(ground, (0, 24), (SCENE_WIDTH, 46), (62, 170, 206), -1)
    return _finish(wall, ground)


def _garage(dice: Dice) -> np.ndarray:
    tall, low = _split(dice)
    wall = _filled(tall, (146, 150, 152)) + grain(dice, tall, SCENE_WIDTH, 50, 14)
    cv2.rectangle(wall, (0, tall - 96), (SCENE_WIDTH, tall - 60), (92, 112, 66), -1)
    for x in range(dice.integer(0, 160), SCENE_WIDTH, 380):
        cv2.rectangle(wall, (x, 0), (x + 80, tall), (176, 178, 178), -1)
        cv2.rectangle(wall, (x + 56, 0), (x + 80, tall), (132, 134, 136), -1)
        for band in range(4):
            cv2.rectangle(wall, (x, tall - 120 + band * 30), (x + 80, tall - 106 + band * 30), (48, 160, 196), -1)
    ground = _filled(low, (120, 122, 122)) + grain(dice, low, SCENE_WIDTH, 60, 14) + grain(dice, low, SCENE_WIDTH, 5, 6)
    for x in range(-200, SCENE_WIDTH + 200, 330):
        cv2.line(ground, (x + 60, 0), (x, low), (200, 204, 204), 9)
    return _finish(wall, ground)


FAMILIES: dict[str, Callable[[Dice], np.ndarray]] = {
    "brick": _brick,
    "park": _park,
    "street": _street,
    "plaza": _plaza,
    "shops": _shops,
    "corridor": _corridor,
    "station": _station,
    "garage": _garage,
}
