"""Sensor profiles with one peak at a known sub-pixel place, seeded and vectorised: what networks learn from and are
judged by.

A profile is N samples of 8 bits. Before the ADC a sample is

    background + slope * (i - (N - 1) / 2) + s + shot noise + read noise + a spurious spike

where ``s = speckle_i * amplitude * exp(-(i - centre)**2 / (2 * w**2))`` is the peak, with ``w`` the left width before
the centre and the right one behind it; the ADC rounds to whole levels and clips to 0..255. Positions and widths are in
samples (sample i is at i), brightness is in grey levels. The centre is where the undisturbed peak is highest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError

Floats = NDArray[np.float64]
Range = tuple[float, float]

CASES = ("plain", "two_peaks", "saturated", "occluded", "low_signal", "no_peak", "skewed", "speckled")
"""What a profile may be; its number in :attr:`Profiles.case` is the place in this list."""
MIXED: Mapping[str, float] = MappingProxyType(dict.fromkeys(CASES, 0.06) | {"plain": 0.46, "no_peak": 0.18})
"""Shares of the cases in a training set."""
PLAIN: Mapping[str, float] = MappingProxyType({"plain": 1.0})
LEVELS = 255


@dataclass(frozen=True)
class Signal:
    """The distributions; a pair holds the bounds of a uniform one, the same value twice fixes it.

    ``amplitude`` is log-uniform. ``shot`` is the variance of the shot noise per grey level of signal and background,
    ``read_noise`` a deviation. ``skew`` s gives the widths ``w * (1 - s)`` to the left and ``w * (1 + s)`` to the
    right. ``speckle`` c multiplies each sample by a log-normal number of mean 1, ``exp(c * z - c**2 / 2)``, where z is
    normal and correlated between neighbours (2/3) and their neighbours (1/6). ``spurious`` is the share of profiles
    with a spike 0.35 to 0.7 samples wide and 10 to 120 levels high, anywhere. Centres keep ``margin`` samples to both
    ends.

    The hard cases, each with its share in ``cases``: ``two_peaks`` adds one of 30 to 90 % of the amplitude 4 to 8
    widths away; ``saturated`` has amplitudes of 260 to 800; ``occluded`` hides one side of the peak from 0.5 widths
    before to 1.5 widths behind its centre on; ``low_signal`` has amplitudes of 2 to 5 read noises; ``no_peak`` has
    none; ``skewed`` has skews of 0.3 to 0.6 to either side; ``speckled`` has speckle of 0.3 to 0.6.
    """

    samples: int = 64
    amplitude: Range = (8.0, 240.0)
    width: Range = (1.2, 3.5)
    background: Range = (4.0, 40.0)
    slope: Range = (-0.1, 0.1)
    read_noise: Range = (0.5, 4.0)
    shot: Range = (0.0, 0.5)
    skew: Range = (-0.1, 0.1)
    speckle: Range = (0.0, 0.1)
    spurious: float = 0.1
    margin: float = 6.0
    cases: Mapping[str, float] = field(default_factory=lambda: MIXED)


@dataclass(frozen=True, eq=False)
class Profiles:
    """Labelled profiles: ``samples`` uint8 [n, N] and ``centre`` [n], NaN where there is no peak.

    ``case`` [n] is a place in :data:`CASES`; ``amplitude``, ``width`` and ``noise`` [n] are what they were made with
    (profiles from a file: NaN, and case 0 or that of no peak).
    """

    samples: NDArray[np.uint8]
    centre: Floats
    case: NDArray[np.int8]
    amplitude: Floats
    width: Floats
    noise: Floats

    @property
    def valid(self) -> NDArray[np.bool_]:
        """[n]: is there a peak?"""
        return ~np.isnan(self.centre)

    def __len__(self) -> int:
        return len(self.samples)

    def part(self, chosen: Any) -> Profiles:
        """Those that a slice, mask or index array chooses."""
        return Profiles(*(getattr(self, name)[chosen] for name in Profiles.__dataclass_fields__))


def generate(count: int, seed: int, signal: Signal = Signal()) -> Profiles:
    """``count`` profiles; the same seed gives the same ones, whatever was drawn before.

    Raises:
        IsobitError: E305 for a signal without room for a centre, of an unknown case, or with shares that are none.
    """
    _check(signal)
    return _generate(np.random.default_rng(seed), count, 1, signal)


def lines(count: int, tiles: int, seed: int, signal: Signal = Signal(margin=12.0, slope=(0.0, 0.0))) -> Profiles:
    """``count`` long lines of ``tiles * signal.samples`` samples, each tile with at most one labelled peak.

    Background, read noise and shot noise are those of the line. The labels are per tile: ``samples`` is
    [count * tiles, N] in the order of the lines, centres count from the start of their tile. Reshape ``samples`` to
    [count, tiles * N]. A second peak or a flank that would leave its tile ends there.

    Raises:
        IsobitError: E305 as in :func:`generate`.
    """
    _check(signal)
    return _generate(np.random.default_rng(seed), count, tiles, signal)


def _check(signal: Signal) -> None:
    shares = list(signal.cases.values())
    unknown = sorted(set(signal.cases) - set(CASES))
    if unknown or not shares or min(shares) < 0 or sum(shares) <= 0:
        said = f"no case {unknown[0]!r}" if unknown else f"shares of the cases {shares}"
        raise IsobitError("E305", said, hint="shares, not negative, of " + ", ".join(CASES))
    if not 0 <= 2 * signal.margin <= signal.samples - 1:
        message = f"{signal.samples} samples have no place {signal.margin} samples from both ends"
        raise IsobitError("E305", message, hint="more samples or a smaller margin")


def _generate(rng: np.random.Generator, count: int, tiles: int, signal: Signal) -> Profiles:
    n = count * tiles

    def uniform(bounds: Range, size: int = n) -> Floats:
        return rng.uniform(*bounds, size)

    case = _cases(rng, n, signal)
    line = [np.repeat(uniform(r, count), tiles) for r in (signal.background, signal.read_noise, signal.shot)]
    background, noise, shot = line
    amplitude = np.exp(uniform((float(np.log(signal.amplitude[0])), float(np.log(signal.amplitude[1])))))
    width, skew = uniform(signal.width), uniform(signal.skew)
    centre = uniform((signal.margin, signal.samples - 1 - signal.margin))
    speckle = uniform(signal.speckle)
    amplitude = _where(case, "saturated", uniform((260, 800)), amplitude)
    amplitude = _where(case, "low_signal", uniform((2, 5)) * noise, amplitude)
    amplitude = _where(case, "no_peak", np.zeros(n), amplitude)
    skew = _where(case, "skewed", uniform((0.3, 0.6)) * _sign(rng, n), skew)
    speckle = _where(case, "speckled", uniform((0.3, 0.6)), speckle)

    place = np.arange(signal.samples, dtype=np.float64)[None]
    peak = _peak(place, amplitude, centre, width, skew)
    peak *= _lit(rng, place, centre, width, case)
    second = _where(case, "two_peaks", uniform((0.3, 0.9)), np.zeros(n))
    peak += _peak(place, amplitude * second, centre + _sign(rng, n) * uniform((4, 8)) * width, width, skew)
    peak *= _speckle(rng, peak.shape, speckle)
    light = peak + background[:, None] + uniform(signal.slope)[:, None] * (place - (signal.samples - 1) / 2)
    light += _spikes(rng, place, n, signal.spurious)
    deviation = np.sqrt(noise[:, None] ** 2 + shot[:, None] * np.maximum(light, 0.0))
    seen = np.rint(light + deviation * rng.standard_normal(light.shape))
    samples = np.clip(seen, 0, LEVELS).astype(np.uint8)
    return Profiles(samples, _where(case, "no_peak", np.full(n, np.nan), centre), case, amplitude, width, noise)


def _cases(rng: np.random.Generator, n: int, signal: Signal) -> NDArray[np.int8]:
    shares = np.array([signal.cases.get(name, 0.0) for name in CASES])
    return rng.choice(len(CASES), n, p=shares / shares.sum()).astype(np.int8)


def _where(case: NDArray[np.int8], name: str, there: Floats, elsewhere: Floats) -> Floats:
    """``there`` for the profiles of a case. Both are always drawn, so that shares do not move the other draws."""
    return np.where(case == CASES.index(name), there, elsewhere)


def _sign(rng: np.random.Generator, n: int) -> Floats:
    return rng.choice((-1.0, 1.0), n)


def _peak(place: Floats, amplitude: Floats, centre: Floats, width: Floats, skew: Floats) -> Floats:
    """[n, N]: Gaussians with two widths."""
    away = place - centre[:, None]
    sides = width[:, None] * (1.0 + np.sign(away) * skew[:, None])
    return np.asarray(amplitude[:, None] * np.exp(-0.5 * (away / sides) ** 2), np.float64)


def _lit(
    rng: np.random.Generator, place: Floats, centre: Floats, width: Floats, case: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """[n, N]: false where an occluded peak is hidden."""
    side, cut = _sign(rng, len(case)), rng.uniform(-0.5, 1.5, len(case))
    hidden = side[:, None] * (place - centre[:, None]) > (cut * width)[:, None]
    return np.asarray(~(hidden & (case == CASES.index("occluded"))[:, None]), np.bool_)


def _speckle(rng: np.random.Generator, shape: tuple[int, int], contrast: Floats) -> Floats:
    white = rng.standard_normal((shape[0], shape[1] + 2))
    z = (white[:, :-2] + 2 * white[:, 1:-1] + white[:, 2:]) / np.sqrt(6.0)
    c = contrast[:, None]
    return np.asarray(np.exp(c * z - c**2 / 2), np.float64)


def _spikes(rng: np.random.Generator, place: Floats, n: int, share: float) -> Floats:
    there = rng.random(n) < share
    height, width = rng.uniform(10, 120, n) * there, rng.uniform(0.35, 0.7, n)
    return _peak(place, height, rng.uniform(0, place.size - 1, n), width, np.zeros(n))
