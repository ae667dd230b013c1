"""The classical detectors on profiles whose answer follows from a formula."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from isobit.train.peaks.baselines import (
    BASELINES,
    blais_rioux,
    centre_of_mass,
    gaussian,
    linear,
    matched_filter,
    parabola,
)

N, PLACE = 65, np.arange(65, dtype=np.float64)


def peaks(width: float, *centres: float, amplitude: float = 100.0) -> NDArray[np.float64]:
    return np.stack([amplitude * np.exp(-0.5 * ((PLACE - c) / width) ** 2) for c in centres])


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_symmetric_peak_on_a_sample_is_found_there_exactly(name: str) -> None:
    found = BASELINES[name](np.rint(peaks(2.0, 32.0, 20.0, 45.0)))
    assert np.array_equal(np.rint(found.position * 2**30), np.array([32.0, 20.0, 45.0]) * 2**30)


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_mirrored_profile_has_the_mirrored_position_and_the_same_score(name: str) -> None:
    profile = peaks(2.3, 31.3)
    there, mirrored = BASELINES[name](profile), BASELINES[name](profile[:, ::-1])
    assert round(float(there.position[0] + mirrored.position[0]), 9) == N - 1
    assert round(float(there.score[0] - mirrored.score[0]), 9) == 0


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_background_does_not_move_and_more_signal_raises_the_score(name: str) -> None:
    profile = np.rint(peaks(2.3, 31.3))
    first, lifted, brighter = (BASELINES[name](p) for p in (profile, profile + 40, 2 * profile))
    assert round(float(first.position[0] - lifted.position[0]), 9) == 0
    assert brighter.score[0] > first.score[0]
    assert round(float(first.score[0] - lifted.score[0]), 9) == 0


def test_three_points_of_a_gaussian_are_enough_for_its_centre() -> None:
    found = gaussian(peaks(1.7, 31.0, 31.2, 31.4, 30.7))
    assert [round(float(p), 9) for p in found.position] == [31.0, 31.2, 31.4, 30.7]


def test_three_points_of_a_parabola_are_enough_for_its_top() -> None:
    profile = np.maximum(50.0 - 4.0 * (PLACE - 31.375) ** 2, 0.0)[None]
    assert parabola(profile).position[0] == 31.375


def test_two_lines_of_opposite_slope_meet_at_the_top_of_a_triangle() -> None:
    profile = np.maximum(64.0 - 8.0 * np.abs(PLACE - 31.25), 0.0)[None]
    assert linear(profile).position[0] == 31.25


def test_the_centre_of_mass_is_a_ratio_of_two_sums() -> None:
    profile = np.zeros((1, N))
    profile[0, 30:34] = 10, 50, 100, 40  # a fifth of 100 is taken off
    mass = (31 * 30 + 32 * 80 + 33 * 20, 30 + 80 + 20)
    assert Fraction(float(centre_of_mass(profile).position[0])) == Fraction(mass[0] / mass[1])


def test_the_zero_crossing_is_interpolated_between_two_samples() -> None:
    profile = np.zeros((1, N))
    profile[0, 30:35] = 8, 32, 64, 48, 16
    # g(31) = 0 + 8 - 64 - 48 = -104, g(32) = 8 + 32 - 48 - 16 = -24, g(33) = 32 + 64 - 16 - 0 = 80
    assert blais_rioux(profile).position[0] == 32 + 24 / 104


def test_the_matched_filter_scores_with_its_kernel() -> None:
    profile = np.zeros((1, N))
    profile[0, 32] = 8.0
    kernel = np.exp(-0.5 * (np.arange(-8, 9) / 2.0) ** 2)
    found = matched_filter(profile, width=2.0)
    assert found.position[0] == 32 and round(float(found.score[0] - 8 * (1 - kernel.mean())), 9) == 0


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_flat_profiles_and_peaks_at_the_ends_give_numbers_inside(name: str) -> None:
    profiles = np.concatenate([np.full((1, N), 7.0), peaks(2.0, 0.0, 64.0, 0.4, 63.6), np.full((1, N), 255.0)])
    found = BASELINES[name](profiles)
    assert np.isfinite(found.position).all() and np.isfinite(found.score).all()
    assert ((found.position >= -0.5) & (found.position <= N - 0.5)).all()
