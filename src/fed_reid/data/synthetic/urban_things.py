"""Occluders that people put up or carry: boards, boxes, bins, carts and umbrellas."""

from __future__ import annotations

import math

import numpy as np

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.raster import NEUTRAL, Layer, scaled
from fed_reid.data.synthetic.things import ellipse, line, paint, polygon, rectangle, round_across, trimmed, weather


def board(dice: Dice) -> Layer:
    """A standing advertising board with a picture and lines of text."""
    width, height = dice.integer(120, 210), dice.integer(170, 260)
    layer = Layer.empty(height + 30, width)
    frame, back, ink = paint(dice), paint(dice), paint(dice)
    for x in (8, width - 22):
        rectangle(layer, x, height - 10, x + 12, height + 26, scaled(frame, 0.7), 0.85)
    rectangle(layer, 0, 0, width - 1, height, frame)
    rectangle(layer, 9, 9, width - 10, height - 10, back)
    picture = dice.pick(("circle", "stripes", "triangle"))
    top, bottom = 20, height * 0.52
    if picture == "circle":
        ellipse(layer, (width / 2, (top + bottom) / 2), (width * 0.3, (bottom - top) * 0.42), ink)
        ellipse(layer, (width / 2, (top + bottom) / 2), (width * 0.16, (bottom - top) * 0.22), paint(dice))
    elif picture == "stripes":
        second = paint(dice)
        for number in range(5):
            left = 18 + number * (width - 36) / 5
            rectangle(layer, left, top, left + (width - 36) / 10, bottom, ink if number % 2 else second)
    else:
        polygon(layer, [(20, bottom), (width / 2, top), (width - 21, bottom)], ink)
    for row in range(dice.integer(3, 5)):
        y = height * 0.6 + row * 17
        if y < height - 22:
            rectangle(layer, 20, y, width * dice.uniform(0.55, 0.86), y + 8, scaled(ink, 0.8))
    layer.light[:height] = (layer.light[:height] * np.linspace(1.08, 0.9, height)[:, None]).astype(np.uint8)
    return trimmed(weather(layer, dice, 0.05, 30))


def box(dice: Dice) -> Layer:
    """A stack of one to three boxes or crates, seen from a corner."""
    layer = Layer.empty(330, 280)
    bottom = 326
    for _ in range(dice.integer(1, 3)):
        width, tall = dice.integer(140, 230), dice.integer(70, 120)
        if bottom - tall < 24:
            break
        left = (280 - width) // 2 + dice.integer(-14, 14)
        card = dice.pick(((104, 146, 184), (88, 124, 160), (130, 160, 180), paint(dice)))
        turn = left + width * dice.uniform(0.6, 0.8)
        rectangle(layer, left, bottom - tall, turn, bottom, card, 1.03)
        rectangle(layer, turn, bottom - tall, left + width, bottom, card, 0.72)
        polygon(
            layer,
            [
                (left, bottom - tall),
                (left + 16, bottom - tall - 14),
                (left + width - 10, bottom - tall - 14),
                (left + width, bottom - tall),
            ],
            card,
            1.18,
        )
        if dice.chance(0.5):
            rectangle(
                layer,
                left,
                bottom - tall * 0.58,
                left + width,
                bottom - tall * 0.44,
                scaled(card, 1.2) if dice.chance(0.5) else paint(dice),
            )
        else:
            for y in range(bottom - tall + 18, bottom, 24):
                line(layer, (left, y), (left + width, y), 3, scaled(card, 0.6), 0.8)
        rectangle(layer, left + 14, bottom - tall + 12, left + 14 + width * 0.22, bottom - tall + 34, (222, 226, 228))
        bottom -= tall
    return trimmed(weather(layer, dice, 0.07, 20))


def umbrella(dice: Dice) -> Layer:
    """An open umbrella with panels, a stem and a handle."""
    width, tall, stem = dice.integer(230, 300), dice.integer(84, 116), dice.integer(70, 100)
    layer = Layer.empty(tall + stem + 20, width + 10)
    first, middle = paint(dice), 5 + width / 2
    second = scaled(first, 0.82) if dice.chance(0.5) else paint(dice)
    line(layer, (middle, 2), (middle, tall + stem), 7, (70, 70, 74), 0.9)
    line(layer, (middle, tall + stem - 8), (middle, tall + stem + 14), 13, (44, 60, 84), 0.95)
    panels = 8
    rim = [
        (middle - width / 2 * math.cos(math.pi * k / panels), tall + 3 + 10 * abs(math.sin(math.pi * k / panels)))
        for k in range(panels + 1)
    ]
    for number in range(panels):
        start, end = rim[number], rim[number + 1]
        ring = []
        for t in np.linspace(0, 1, 8):
            bow = math.sin(t * math.pi / 2)
            ring.append((middle + (start[0] - middle) * bow, 10 + (start[1] - 10) * (1 - math.cos(t * math.pi / 2))))
        back = []
        for t in np.linspace(1, 0, 8):
            bow = math.sin(t * math.pi / 2)
            back.append((middle + (end[0] - middle) * bow, 10 + (end[1] - 10) * (1 - math.cos(t * math.pi / 2))))
        light = 1.12 - 0.06 * abs(number - 2.2)
        sag = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 7)
        polygon(layer, [*ring, sag, *back], first if number % 2 else second, light)
    polygon(layer, [(middle - 3, 12), (middle, 0), (middle + 3, 12)], (70, 70, 74))
    return trimmed(weather(layer, dice, 0.04, 24))


def bin_(dice: Dice) -> Layer:
    """A litter bin."""
    width, height = dice.integer(110, 170), dice.integer(170, 230)
    layer = Layer.empty(height, width + 12)
    color = paint(dice)
    polygon(layer, [(6, 26), (width + 5, 26), (width - 4, height - 1), (16, height - 1)], color)
    if dice.chance(0.5):
        for x in range(16, width, 14):
            line(layer, (x, 40), (x + (width / 2 - x) * 0.06, height - 6), 4, scaled(color, 0.7))
    else:
        rectangle(layer, width * 0.24, height * 0.42, width * 0.82, height * 0.66, paint(dice))
    ellipse(layer, (width / 2 + 6, 26), (width / 2 + 3, 14), scaled(color, 0.8), 1.05)
    ellipse(layer, (width / 2 + 6, 27), (width / 2 - 14, 8), (30, 30, 32), 0.7)
    round_across(layer, 0, width + 12, 0.5)
    return trimmed(weather(layer, dice, 0.07, 16))


def cart(dice: Dice) -> Layer:
    """A luggage or shopping cart, loaded (test only)."""
    width, height = dice.integer(180, 250), dice.integer(200, 250)
    layer = Layer.empty(height, width + 30)
    metal = (150, 152, 156) if dice.chance(0.6) else paint(dice)
    for _ in range(3):
        tall, wide = dice.integer(60, 110), dice.integer(70, 130)
        left = dice.integer(20, max(21, width - wide))
        load = paint(dice)
        rectangle(layer, left, height - 52 - tall, left + wide, height - 46, load, 1.0)
        rectangle(layer, left + wide * 0.75, height - 52 - tall, left + wide, height - 46, load, 0.75)
        line(
            layer, (left, height - 50 - tall * 0.5), (left + wide, height - 50 - tall * 0.5), 4, scaled(load, 0.6), 0.85
        )
        rectangle(
            layer, left + wide * 0.35, height - 62 - tall, left + wide * 0.6, height - 52 - tall, scaled(load, 0.5), 0.9
        )
    for x in range(12, width, 20):
        line(layer, (x, height - 116), (x + 6, height - 44), 5, metal, 0.95)
    for y in (height - 116, height - 80, height - 44):
        line(layer, (8, y), (width + 4, y), 7, metal, 1.0)
    line(layer, (width, height - 116), (width + 22, 30), 8, metal, 1.05)
    line(layer, (width + 4, 30), (width + 26, 30), 10, (40, 40, 44), 0.9)
    for x in (34, width - 24):
        ellipse(layer, (x, height - 16), (15, 15), (36, 36, 38), 0.9)
        ellipse(layer, (x, height - 16), (6, 6), (150, 152, 156))
        line(layer, (x, height - 46), (x, height - 26), 8, metal, 0.8)
    layer.light[layer.light == 0] = NEUTRAL
    return trimmed(weather(layer, dice, 0.05, 18))
