"""How environments may be rendered: the modes, and the check of the one asked for."""

from __future__ import annotations

from troth.errors import InvalidArgument

RENDER_MODES = ["rgb_array"]
FRAMES_PER_SECOND = 8
"""Days, or weeks, shown per second of video."""


def checked_render_mode(mode: str | None) -> str | None:
    """``mode`` if it is one.

    Raises:
        InvalidArgument: if not.
    """
    if mode is not None and mode not in RENDER_MODES:
        raise InvalidArgument(
            f"{mode!r} is not one of {', '.join(RENDER_MODES)}", field="render_mode"
        )
    return mode
