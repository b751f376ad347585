"""Occluders of the street: cars, poles, fences, bushes, barriers, planters, benches."""

from __future__ import annotations

import math

import cv2
import numpy as np

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.raster import NEUTRAL, Color, Layer, mix, scaled
from fed_reid.data.synthetic.things import ellipse, line, paint, polygon, rectangle, round_across, trimmed, weather


def car(dice: Dice) -> Layer:
    """A parked car from the side, far wider than a crop: people are seen behind its bonnet, boot or roof."""
    layer = Layer.empty(300, 740)
    body = paint(dice)
    roof, bonnet, sill = dice.integer(20, 50), dice.integer(118, 140), 236
    front, rear = dice.integer(150, 200), dice.integer(560, 640)
    outline = [
        (12, sill),
        (14, bonnet + 34),
        (40, bonnet + 8),
        (front, bonnet),
        (front + 90, roof),
        (rear - 90, roof),
        (rear, bonnet - 6),
        (718, bonnet + 6),
        (730, bonnet + 44),
        (730, sill),
    ]
    polygon(layer, outline, body)
    # Sky on the upper faces, shadow under the belt line.
    layer.light[: bonnet + 20][layer.mask[: bonnet + 20] > 0] = round(NEUTRAL * 1.08)
    belt = layer.mask[bonnet + 60 :] > 0
    layer.light[bonnet + 60 :][belt] = round(NEUTRAL * 0.84)
    glass: Color = (86, 78, 70)
    polygon(
        layer,
        [
            (front + 14, bonnet),
            (front + 96, roof + 12),
            ((front + rear) / 2 - 8, roof + 12),
            ((front + rear) / 2 - 8, bonnet),
        ],
        glass,
        0.95,
    )
    polygon(
        layer,
        [
            ((front + rear) / 2 + 8, bonnet),
            ((front + rear) / 2 + 8, roof + 12),
            (rear - 96, roof + 12),
            (rear - 16, bonnet),
        ],
        glass,
        0.95,
    )
    polygon(
        layer,
        [(front + 60, bonnet), (front + 110, roof + 12), (front + 140, roof + 12), (front + 96, bonnet)],
        (150, 142, 132),
        1.0,
    )
    for x in (front + 8, (front + rear) / 2, rear - 30):
        line(layer, (x, bonnet), (x, sill - 16), 2, scaled(body, 0.6), 0.8)
    line(layer, (40, bonnet + 60), (716, bonnet + 60), 3, scaled(body, 0.75), 0.9)
    for x in ((front + rear) / 2 - 50, rear - 80):
        rectangle(layer, x, bonnet + 22, x + 30, bonnet + 30, scaled(body, 0.5), 0.9)
    ellipse(layer, (30, bonnet + 40), (20, 14), (214, 222, 226), 1.1)
    ellipse(layer, (720, bonnet + 36), (12, 18), (48, 44, 170))
    rectangle(layer, 12, sill - 16, 730, sill + 4, (52, 52, 54), 0.8)
    for x in (145, 600):
        ellipse(layer, (x, 240), (58, 58), (34, 34, 36), 0.7)
        ellipse(layer, (x, 242), (50, 50), (40, 40, 42), 0.9)
        ellipse(layer, (x, 242), (31, 31), (170, 172, 176), 1.0)
        for spoke in range(5):
            angle = spoke * 1.2566 + 0.3
            line(layer, (x, 242), (x + 29 * math.cos(angle), 242 + 29 * math.sin(angle)), 6, (96, 98, 102), 0.9)
    return trimmed(weather(layer, dice, 0.05, 40))


def pole(dice: Dice) -> Layer:
    """A lamp post, a pillar, a marked post or a tree trunk, taller than any crop."""
    kind = dice.pick(("metal", "concrete", "marked", "trunk"))
    width = {
        "metal": dice.integer(34, 52),
        "concrete": dice.integer(60, 96),
        "marked": dice.integer(36, 56),
        "trunk": dice.integer(56, 90),
    }[kind]
    layer = Layer.empty(470, width)
    color = {"metal": paint(dice), "concrete": (150, 154, 158), "marked": (206, 208, 210), "trunk": (56, 78, 98)}[kind]
    rectangle(layer, 0, 0, width, 470, color)
    if kind == "marked":
        second, step = paint(dice), dice.integer(44, 80)
        for y in range(-20, 500, step):
            polygon(layer, [(0, y), (width, y - 18), (width, y - 18 + step // 2), (0, y + step // 2)], second)
    if kind == "trunk":
        for _ in range(90):
            x, y = dice.integer(0, width), dice.integer(0, 470)
            line(
                layer,
                (x, y),
                (x + dice.integer(-4, 4), y + dice.integer(18, 50)),
                3,
                scaled(color, dice.uniform(0.55, 1.25)),
            )
        edge = np.cumsum(dice.field(470) - 0.5)
        for y in range(470):
            shift = int(4 + 4 * math.sin(edge[y] * 0.8))
            layer.color[y, :shift] = 0
            layer.color[y, width - shift :] = 0
    if kind == "concrete":
        top, second = dice.integer(110, 190), paint(dice)
        rectangle(layer, width * 0.12, top, width * 0.8, top + dice.integer(60, 100), second)
        for row in range(3):
            rectangle(
                layer,
                width * 0.2,
                top + 14 + row * 16,
                width * dice.uniform(0.4, 0.7),
                top + 20 + row * 16,
                (226, 228, 228),
            )
    round_across(layer, 0, width)
    return trimmed(weather(layer, dice, 0.09, 20))


def bush(dice: Dice) -> Layer:
    """A shrub."""
    width, height = dice.integer(190, 300), dice.integer(150, 250)
    layer = Layer.empty(height + 30, width + 40)
    base: Color = tuple(
        int(c + dice.bell(10)) for c in dice.pick(((44, 98, 62), (40, 84, 84), (62, 116, 100), (52, 92, 48)))
    )  # type: ignore[assignment]  # three numbers
    flower = paint(dice) if dice.chance(0.35) else None
    count = 620
    for number in range(count):
        angle, reach = dice.uniform(0, math.pi), dice.unit() ** 0.5
        x = 20 + width / 2 + math.cos(angle) * reach * width / 2
        y = 24 + height - math.sin(angle) * reach * height * 0.94 - dice.uniform(0, 10)
        lift = 0.45 + 0.5 * number / count + 0.35 * (1 - (y / height))
        color = scaled(mix(base, (60, 190, 170), dice.uniform(0, 0.25)), lift)
        ellipse(layer, (x, y), (dice.integer(8, 17), dice.integer(4, 9)), color, 1.0, dice.integer(0, 180))
    if flower is not None:
        for _ in range(40):
            angle, reach = dice.uniform(0, math.pi), dice.unit() ** 0.5
            center = (
                20 + width / 2 + math.cos(angle) * reach * width * 0.45,
                24 + height - math.sin(angle) * reach * height * 0.88,
            )
            ellipse(layer, center, (6, 6), scaled(flower, 1.2))
    rectangle(layer, width * 0.3, height + 18, width * 0.75, height + 26, scaled(base, 0.45), 0.9)
    return trimmed(layer)


def fence(dice: Dice) -> Layer:
    """Pickets, bars or planks over the whole width; people are seen through the gaps."""
    height, width = dice.integer(170, 240), 330
    layer = Layer.empty(height, width)
    color = paint(dice)
    style = dice.pick(("pickets", "bars", "planks"))
    if style == "planks":
        for row, y in enumerate(range(6, height - 20, 46)):
            rectangle(layer, 0, y, width, y + 32, scaled(color, 1 - 0.05 * (row % 2)), 1.02)
            line(layer, (0, y + 31), (width, y + 31), 3, scaled(color, 0.6), 0.8)
        for x in (30, 180, 310):
            rectangle(layer, x, 0, x + 16, height, scaled(color, 0.8), 0.9)
    else:
        wide, step = (22, 34) if style == "pickets" else (10, 22)
        for rail in (height * 0.22, height * 0.78):
            rectangle(layer, 0, rail, width, rail + 14, scaled(color, 0.8), 0.85)
        for x in range(0, width, step):
            rectangle(layer, x, 16, x + wide, height, color)
            polygon(layer, [(x, 16), (x + wide / 2, 0), (x + wide, 16)], color)
            rectangle(layer, x + wide * 0.7, 14, x + wide, height, scaled(color, 0.78), 0.85)
    return trimmed(weather(layer, dice, 0.1, 24))


def barrier(dice: Dice) -> Layer:
    """A striped construction barrier on feet (validation only)."""
    width, height = dice.integer(230, 330), dice.integer(150, 220)
    layer = Layer.empty(height, width)
    color = dice.pick(((48, 44, 180), (40, 130, 220), (40, 40, 44)))
    for x in (width * 0.12, width * 0.82):
        rectangle(layer, x, 0, x + 16, height - 8, (110, 112, 116), 0.9)
        rectangle(layer, x - 24, height - 12, x + 40, height - 1, (60, 60, 64), 0.8)
    step = dice.integer(36, 56)
    for top in (6, round(height * 0.48)):
        tall = dice.integer(46, 62)
        board = Layer.empty(height, width)
        rectangle(board, 0, top, width - 1, top + tall, (216, 220, 222))
        for x in range(-100, width, 2 * step):
            polygon(board, [(x, top + tall), (x + step, top + tall), (x + step + 40, top), (x + 40, top)], color)
        layer.color[top : top + tall] = board.color[top : top + tall]
        layer.light[top : top + tall] = np.linspace(1.1, 0.85, tall)[:, None] * NEUTRAL
    return trimmed(weather(layer, dice, 0.06, 30))


def planter(dice: Dice) -> Layer:
    """A tub with a tall plant (test only)."""
    width, height, pot = dice.integer(120, 190), dice.integer(230, 310), dice.integer(90, 120)
    layer = Layer.empty(height + 10, width + 60)
    middle, leaf = 30 + width / 2, scaled((58, 120, 70), dice.uniform(0.7, 1.25))
    for number in range(70):
        angle = math.pi * dice.uniform(0.08, 0.92)
        reach = (height - pot) * dice.uniform(0.5, 0.95)
        tip = (middle + math.cos(angle) * reach * 0.62, height - pot - math.sin(angle) * reach)
        bend = (middle + math.cos(angle) * reach * 0.15, height - pot - math.sin(angle) * reach * 0.6)
        tone = scaled(leaf, 0.55 + 0.65 * number / 70)
        polygon(
            layer,
            [
                (middle - 8, height - pot + 6),
                (bend[0] - 11, bend[1]),
                tip,
                (bend[0] + 11, bend[1]),
                (middle + 8, height - pot + 6),
            ],
            tone,
        )
    color = paint(dice)
    polygon(layer, [(30, height - pot), (30 + width, height - pot), (16 + width, height), (44, height)], color)
    rectangle(layer, 24, height - pot, 36 + width, height - pot + 18, scaled(color, 1.12), 1.05)
    if dice.chance(0.5):
        rectangle(layer, 34, height - pot * 0.6, 26 + width, height - pot * 0.45, paint(dice))
    layer.light[height - pot :, 24 : 37 + width] = (
        np.interp(np.linspace(0, 1, 13 + width), (0, 0.3, 1), (1.0, 1.1, 0.6)) * NEUTRAL
    )[None]
    return trimmed(weather(layer, dice, 0.06, 12))


def bench(dice: Dice) -> Layer:
    """A bench with a slatted back (test only)."""
    width, height = dice.integer(260, 360), dice.integer(180, 220)
    layer = Layer.empty(height, width)
    wood, metal = dice.pick(((62, 96, 140), (80, 110, 130), (50, 70, 96), (90, 110, 70))), (64, 64, 68)
    for x in (20, width - 38):
        rectangle(layer, x, 10, x + 14, height - 2, metal, 0.85)
    for y in range(4, height // 2 - 18, 30):
        rectangle(layer, 2, y, width - 3, y + 24, scaled(wood, dice.uniform(0.9, 1.1)), 1.05)
        line(layer, (2, y + 23), (width - 3, y + 23), 3, scaled(wood, 0.6), 0.8)
    seat = height // 2 + 8
    polygon(layer, [(4, seat), (width - 5, seat), (width - 1, seat + 40), (0, seat + 40)], wood, 1.12)
    for y in (seat + 13, seat + 27):
        line(layer, (2, y), (width - 2, y), 3, scaled(wood, 0.6), 0.8)
    rectangle(layer, 0, seat + 38, width - 1, seat + 48, scaled(wood, 0.7), 0.8)
    cv2.rectangle(layer.light, (0, seat + 50), (width, seat + 60), 96, -1)
    return trimmed(weather(layer, dice, 0.08, 16))
