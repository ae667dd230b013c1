"""Characters never seen before: a few-shot data set that every machine with the DejaVu fonts can draw.

Classes are characters of many scripts, samples are fonts, sizes, rotations, shears and shifts, noise and blur. The
fonts are those that Debian's ``fonts-dejavu`` installs, else the fewer that matplotlib ships
(:func:`matplotlib_fonts`), or a folder of the user's own. The same seed, fonts and Pillow draw the same pixels; other
fonts are another data set. Characters that look alike whatever their size (A of three scripts, o and O) are one class.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isobit.errors import IsobitError, printable
from isobit.train.fewshot.splits import Part, Split

SCRIPTS = (
    (0x41, 0x5A), (0x61, 0x7A), (0x30, 0x39), (0x391, 0x3C9), (0x410, 0x44F), (0x531, 0x586), (0x5D0, 0x5EA),
    (0x10D0, 0x10F0), (0x2D30, 0x2D65), (0x7CA, 0x7E7), (0x2200, 0x22FF),
)  # fmt: skip
"""Latin, digits, Greek, Cyrillic, Armenian, Hebrew, Georgian, Tifinagh, N'Ko, mathematical operators.

No script of which a character is another one turned, for the recipe turns images."""
DEBIAN = Path("/usr/share/fonts/truetype/dejavu")
"""22 fonts: what the figures of docs/fewshot.md and the backbone of examples/fewshot were made with."""
BASE, VAL = 0.6, 0.15
_TURN, _SHEAR, _SHIFT, _SMALLEST, _LARGEST, _NOISE = 25.0, 0.25, 2.0, 0.65, 0.95, 18.0
"""Degrees; share; pixels; glyph height as a share of the image; standard deviation in grey levels."""


def glyphs(
    classes: int = 200, samples: int = 30, size: int = 32, *, seed: int = 0, fonts: str | Path | None = None
) -> Split:
    """Draws the data set: ``samples`` of each of ``classes`` characters, grey, ``size`` pixels square.

    Args:
        fonts: a folder with ``DejaVu*.ttf`` or other TrueType files; found by itself without.

    Raises:
        IsobitError: E303 without Pillow or fonts, E305 when the fonts have fewer characters.
    """
    faces = _faces(_folder(fonts), size)
    found = _characters(faces, size)
    rng = np.random.default_rng(seed)
    if classes > len(found):
        raise IsobitError("E305", f"the fonts have {len(found)} characters that differ, not {printable(classes)}")
    chosen = [found[i] for i in rng.permutation(len(found))[:classes]]
    ends = [0, round(classes * BASE), round(classes * (BASE + VAL)), classes]
    parts = [_part(chosen[a:b], faces, samples, size, rng) for a, b in pairwise(ends)]
    return Split(*parts)


def _folder(fonts: str | Path | None) -> Path:
    if fonts is not None:
        return Path(fonts)
    for folder in (DEBIAN, matplotlib_fonts()):
        if folder is not None and any(folder.glob("DejaVu*.ttf")):
            return folder
    hint = "pip install matplotlib, which ships them, or apt install fonts-dejavu"
    raise IsobitError("E303", "the DejaVu fonts are not installed", hint=hint)


def matplotlib_fonts() -> Path | None:
    """The folder of matplotlib's own fonts, the same wherever that is installed: 12 that :func:`glyphs` takes."""
    spec = importlib.util.find_spec("matplotlib")
    return None if spec is None else Path(spec.origin or "").parent / "mpl-data" / "fonts" / "ttf"


def _faces(folder: Path, size: int) -> list[Any]:
    """Every font of the folder at twice the image's size, the widest coverage first."""
    try:
        from PIL import ImageFont
    except ModuleNotFoundError as error:
        raise IsobitError("E303", "Pillow is not installed", hint="pip install pillow") from error
    files = sorted(p for p in folder.glob("*.ttf") if "Display" not in p.name)
    if not files:
        raise IsobitError("E303", "there are no TrueType fonts", where=str(folder))
    files.sort(key=lambda p: p.name != "DejaVuSans.ttf")
    return [ImageFont.truetype(str(p), size * 2) for p in files]


def _characters(faces: list[Any], size: int) -> list[str]:
    """Characters that the first font has and that look like no earlier one, whatever their size."""
    first, seen, found = faces[0], set[bytes](), list[str]()
    for code in (c for low, high in SCRIPTS for c in range(low, high + 1)):
        shape = _shape(first, chr(code), size)
        if shape is not None and shape not in seen:
            seen.add(shape)
            found.append(chr(code))
    return found


def _shape(face: Any, character: str, size: int) -> bytes | None:
    """A coarse picture of the glyph, its box filled; None for one that the font does not have."""
    mask = _mask(face, character)
    if mask is None or mask.tobytes() == _absent(face):
        return None
    coarse = _image(mask).resize((12, 12))
    return bytes((np.asarray(coarse) > 110).tobytes())


def _absent(face: Any) -> bytes:
    missing = _mask(face, "\uffff")
    return b"" if missing is None else bytes(missing.tobytes())


def _mask(face: Any, character: str) -> Any:
    """The glyph's grey levels in its own box, or None where there is nothing."""
    mask = face.getmask(character)
    width, height = mask.size
    return np.asarray(mask, np.uint8).reshape(height, width) if width and height else None


def _image(mask: Any) -> Any:
    from PIL import Image

    return Image.fromarray(mask)


def _part(characters: list[str], faces: list[Any], samples: int, size: int, rng: np.random.Generator) -> Part:
    images = np.stack([x for c in characters for x in _drawn(c, faces, samples, size, rng)])
    labels = np.repeat(np.arange(len(characters)), samples)
    return Part(torch.from_numpy(images[:, None]), torch.from_numpy(labels), tuple(characters))


def _drawn(character: str, faces: list[Any], samples: int, size: int, rng: np.random.Generator) -> Iterator[Any]:
    """Samples of one character, uint8 [size, size]."""
    masks = [m for f in faces if (m := _mask(f, character)) is not None and m.tobytes() != _absent(f)]
    for _ in range(samples):
        yield _distorted(masks[int(rng.integers(len(masks)))], size, rng)


def _distorted(mask: Any, size: int, rng: np.random.Generator) -> Any:
    """A glyph turned, sheared, scaled and shifted, on a background, with blur and noise."""
    from PIL import Image, ImageFilter

    height, width = mask.shape
    turn, shear = math.radians(rng.uniform(-_TURN, _TURN)), rng.uniform(-_SHEAR, _SHEAR)
    scale = max(height, width) / (size * rng.uniform(_SMALLEST, _LARGEST))
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, rng.uniform(0.75, 1.33)]])
    centre = np.array([width, height]) / 2 - linear @ (np.full(2, size / 2) + rng.uniform(-_SHIFT, _SHIFT, 2))
    matrix = (*linear[0], centre[0], *linear[1], centre[1])
    drawn = _image(mask).transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        drawn = drawn.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    ink, paper = rng.uniform(130, 255), rng.uniform(0, 90)
    grey = paper + np.asarray(drawn, np.float64) / 255 * (ink - paper) + rng.normal(0, _NOISE, (size, size))
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)
