"""Films: figures or images one after another, as an animated GIF."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from ..arguments import checked
from ..syntax.diagnostics import complain
from .style import png, write
from .tiles import limits_of

LEAST = 0.02  # seconds a frame: browsers show no faster
SIDE = 320  # pixels, at least, of a film of arrays
DOTS = 100  # an inch, of a film of figures


@checked()
def film(frames: Iterable[Any], path: str | Path, seconds: float = 6.0) -> Path:
    """Write frames as an animation that runs without end; the path of the file.

    `frames`: figures of one size, or arrays [row, column], in grey on one scale as `images` chooses
    it, the larger the darker. `seconds`: how long one round takes. Raises EbmError E608 for a path
    that does not end in .gif, E704 without frames or time, E602 for frames of different sizes.
    """
    frames, path = list(frames), Path(path)
    if path.suffix.lower() != ".gif":
        raise complain("E608", f"a film cannot be kept as {path.name}", helps=["end it in .gif"])
    if not frames or not seconds > 0:
        raise complain("E704", f"{len(frames)} frames in {seconds:g} seconds are no film")
    if isinstance(frames[0], Figure):
        shown = [_drawn(frame) for frame in frames]
    else:
        shown = _greys([np.asarray(frame, float) for frame in frames])
    first, *rest = _alike(shown, "pixels")
    pause = round(1000 * max(seconds / len(frames), LEAST))
    write(lambda: first.save(path, save_all=True, append_images=rest, duration=pause, loop=0), path)
    return path


def _drawn(figure: Figure) -> Image.Image:
    """A figure as an image of at most 128 colours."""
    with Image.open(io.BytesIO(png(figure, dpi=DOTS))) as image:
        return image.convert("RGB").quantize(128, dither=Image.Dither.NONE)


def _greys(arrays: Sequence[np.ndarray]) -> list[Image.Image]:
    """Arrays as images, each entry a square of pixels. NaN is white."""
    if any(a.ndim != 2 or not a.size for a in arrays) or len({a.shape for a in arrays}) > 1:
        shapes = sorted({str(list(a.shape)) for a in arrays})
        raise complain("E602", f"frames of a film are [row, column] of one size, not {shapes}")
    low, high = limits_of(np.stack(arrays))
    scale = -(-SIDE // max(arrays[0].shape))
    block = np.ones((scale, scale), np.uint8)
    shares = [np.nan_to_num(np.clip((a - low) / (high - low), 0, 1)) for a in arrays]
    return [Image.fromarray(np.kron(np.uint8(np.round(255 * (1 - s))), block)) for s in shares]


def _alike(shown: list[Image.Image], unit: str) -> list[Image.Image]:
    sizes = sorted({image.size for image in shown})
    if len(sizes) > 1:
        raise complain(
            "E602", f"frames of a film have one size, not {sizes[0]} and {sizes[1]} {unit}"
        )
    return shown
