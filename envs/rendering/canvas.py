"""A canvas to draw charts on: text, lines, bars and frames in Pillow, at twice the size.

Pillow draws without smoothing; drawing at twice the size and halving the image at the end
gives smooth lines and small print at the cost of some milliseconds a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from troth.errors import FailedPrecondition

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

Colour = tuple[int, int, int]
Anchor = str

SCALE = 2

INK: Colour = (31, 41, 55)
MUTED: Colour = (107, 114, 128)
GRID: Colour = (229, 231, 235)
PAPER: Colour = (248, 249, 251)
CARD: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the finished image."""

    left: float
    top: float
    right: float
    bottom: float

    def inset(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The rectangle inside, less a margin on each side."""
        return Box(self.left + left, self.top + top, self.right - right, self.bottom - bottom)

    def x(self, share: float) -> float:
        """Pixel at a share of the width."""
        return self.left + share * (self.right - self.left)

    def y(self, share: float) -> float:
        """Pixel at a share of the height, from the bottom."""
        return self.bottom - share * (self.bottom - self.top)


class Canvas:
    """An image being drawn; coordinates are pixels of the finished one.

    Args:
        width, height: of the finished image.

    Raises:
        FailedPrecondition: if Pillow is not installed.
    """

    def __init__(self, width: int, height: int) -> None:
        try:
            from PIL import Image, ImageDraw
        except ImportError as error:
            raise FailedPrecondition(
                "rendering needs Pillow: pip install pillow", field="render_mode"
            ) from error
        self._image = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
        self._draw: ImageDraw.ImageDraw = ImageDraw.Draw(self._image)
        self._size = (width, height)

    def pixels(self) -> NDArray[np.uint8]:
        """The finished image, uint8 (height, width, 3)."""
        from PIL import Image

        return np.asarray(self._image.resize(self._size, Image.Resampling.BOX), dtype=np.uint8)

    def card(self, box: Box) -> None:
        """A white card with a hairline around it."""
        self._draw.rounded_rectangle(
            _scaled(box), radius=8 * SCALE, fill=CARD, outline=GRID, width=SCALE
        )

    def rectangle(self, box: Box, colour: Colour) -> None:
        """A filled rectangle; one of less than half a pixel is left out."""
        left, top, right, bottom = _scaled(box)
        if right >= left and bottom >= top:
            self._draw.rectangle((left, top, right, bottom), fill=colour)

    def line(
        self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 1.0
    ) -> None:
        """A line through ``points``; a single point becomes a dot."""
        if len(points) == 1:
            x, y = points[0]
            dot = Box(x - 1.5, y - 1.5, x + 1.5, y + 1.5)
            self._draw.ellipse(_scaled(dot), fill=colour)
            return
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")

    def text(
        self,
        at: tuple[float, float],
        text: str,
        *,
        size: float = 11.0,
        colour: Colour = INK,
        anchor: Anchor = "la",
    ) -> None:
        """Text; ``anchor`` as in Pillow: horizontally l, m or r, vertically a, m or s."""
        self._draw.text(
            (at[0] * SCALE, at[1] * SCALE), text, fill=colour, font=_font(size), anchor=anchor
        )

    def text_width(self, text: str, size: float = 11.0) -> float:
        """Width of ``text`` in pixels."""
        return float(self._draw.textlength(text, font=_font(size))) / SCALE


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size * SCALE)


def _scaled(box: Box) -> tuple[float, float, float, float]:
    # Pillow includes the last pixel.
    return (
        box.left * SCALE,
        box.top * SCALE,
        box.right * SCALE - 1,
        box.bottom * SCALE - 1,
    )
