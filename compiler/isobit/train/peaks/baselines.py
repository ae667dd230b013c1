"""The classical peak detectors, vectorised over profiles: what a network must beat.

The five closed-form ones are those that Fisher and Naidu compared ("A comparison of algorithms for subpixel peak
detection", 1996): centre of mass, 3-point Gaussian, 3-point parabola, linear interpolation, and Blais and Rioux's zero
crossing of a short derivative filter (Applied Optics 25, 1986). The matched filter correlates with a Gaussian of zero
mean and one fixed width, which is the best linear detector in white noise for peaks of that width.

Each takes profiles [n, N] of any real type and returns an :class:`Estimate`; ties go to the lower sample. The
background is taken to be a profile's median.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WINDOW = 6
"""The centre of mass is that of so many samples on both sides of the highest one."""
MATCHED_WIDTH = 2.2
"""Width of the matched filter in samples: about the middle of the widths that :class:`~isobit.train.peaks.Signal`
draws."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """One position per profile, in samples, and a score that grows with the confidence that there is a peak."""

    position: Floats
    score: Floats


def centre_of_mass(profiles: NDArray[Any]) -> Estimate:
    """``sum(i * y) / sum(y)`` over :data:`WINDOW` samples around the maximum, y above a fifth of the maximum."""
    y, top = _above_background(profiles)
    height = _at(y, top)
    near = np.abs(np.arange(y.shape[1]) - top[:, None]) <= WINDOW
    mass = np.where(near, np.maximum(y - 0.2 * height[:, None], 0.0), 0.0)
    return Estimate(_ratio((mass * np.arange(y.shape[1])).sum(1), mass.sum(1), top), height)


def gaussian(profiles: NDArray[Any]) -> Estimate:
    """The top of the Gaussian through the logarithms of the highest sample and its neighbours."""
    y, top = _above_background(profiles)
    left, middle, right = (np.log(np.maximum(v, 0.5)) for v in _three(y, top))
    return Estimate(top + _half(_ratio(left - right, 2 * (left - 2 * middle + right), 0.0)), _at(y, top))


def parabola(profiles: NDArray[Any]) -> Estimate:
    """The top of the parabola through the highest sample and its neighbours."""
    y, top = _above_background(profiles)
    return Estimate(top + _vertex(y, top), _at(y, top))


def linear(profiles: NDArray[Any]) -> Estimate:
    """Where two lines of opposite slope through the highest sample and its neighbours meet."""
    y, top = _above_background(profiles)
    left, middle, right = _three(y, top)
    lower = np.minimum(left, right)
    return Estimate(top + _half(_ratio(right - left, 2 * (middle - lower), 0.0)), _at(y, top))


def blais_rioux(profiles: NDArray[Any]) -> Estimate:
    """The zero crossing of ``g(i) = y(i-2) + y(i-1) - y(i+1) - y(i+2)`` next to the maximum, linearly interpolated."""
    y, top = _above_background(profiles)
    padded = np.pad(y, ((0, 0), (2, 2)), mode="edge")
    g = padded[:, :-4] + padded[:, 1:-3] - padded[:, 3:-1] - padded[:, 4:]
    first = np.clip(np.where(_at(g, top) < 0, top, top - 1), 0, y.shape[1] - 2)
    before, behind = _at(g, first), _at(g, first + 1)
    crosses = (before < 0) & (behind >= 0)
    share = np.where(crosses, _ratio(before, before - behind, 0.0), 0.5)
    return Estimate(np.where(crosses, first + share, top), _at(y, top))


def matched_filter(profiles: NDArray[Any], width: float = MATCHED_WIDTH) -> Estimate:
    """The top of the correlation with a Gaussian of ``width`` from which its mean was taken, by a parabola."""
    y, _ = _above_background(profiles)
    reach = int(np.ceil(4 * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    kernel -= kernel.mean()
    padded = np.pad(y, ((0, 0), (reach, reach)), mode="edge")
    found = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1) @ kernel
    top = found.argmax(1)
    return Estimate(top + _vertex(found, top), _at(found, top))


BASELINES: Mapping[str, Callable[[NDArray[Any]], Estimate]] = MappingProxyType({
    "centre of mass": centre_of_mass,
    "3-point Gaussian": gaussian,
    "3-point parabola": parabola,
    "linear interpolation": linear,
    "Blais-Rioux": blais_rioux,
    "matched filter": matched_filter,
})  # fmt: skip


def _above_background(profiles: NDArray[Any]) -> tuple[Floats, NDArray[np.intp]]:
    """Samples above their median [n, N], and the place of the highest one [n]."""
    y = np.asarray(profiles, np.float64)
    y = y - np.median(y, axis=1, keepdims=True)
    return y, y.argmax(1)


def _at(y: Floats, place: NDArray[np.intp]) -> Floats:
    return y[np.arange(len(y)), place]


def _three(y: Floats, top: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """The highest sample and its neighbours; at an end the neighbour that is missing is the sample itself."""
    return _at(y, np.maximum(top - 1, 0)), _at(y, top), _at(y, np.minimum(top + 1, y.shape[1] - 1))


def _vertex(y: Floats, top: NDArray[np.intp]) -> Floats:
    left, middle, right = _three(y, top)
    return _half(_ratio(left - right, 2 * (left - 2 * middle + right), 0.0))


def _half(offset: Floats) -> Floats:
    """The maximum is the nearest sample: nothing lies further away."""
    return np.clip(offset, -0.5, 0.5)


def _ratio(over: Floats, under: Floats, otherwise: Any) -> Floats:
    """``over / under``, and ``otherwise`` where nothing can be divided by."""
    there = under != 0
    return np.where(there, over / np.where(there, under, 1.0), otherwise)
