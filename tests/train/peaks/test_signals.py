"""The generator: seeded, with the stated distributions, each hard case as it is described."""

from __future__ import annotations

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.train.peaks import CASES, Profiles, Signal, generate, lines

QUIET = Signal(
    read_noise=(0.0, 0.0), shot=(0.0, 0.0), speckle=(0.0, 0.0), skew=(0.0, 0.0), spurious=0.0, background=(10.0, 10.0),
    slope=(0.0, 0.0), amplitude=(100.0, 100.0), width=(2.0, 2.0), cases={"plain": 1.0},
)  # fmt: skip


def only(case: str, count: int = 400, **changes: object) -> Profiles:
    return generate(count, 5, Signal(**(QUIET.__dict__ | {"cases": {case: 1.0}} | changes)))


def test_the_seed_decides_everything() -> None:
    first, again, other = generate(300, 4), generate(300, 4), generate(300, 5)
    for name in Profiles.__dataclass_fields__:
        assert np.array_equal(getattr(first, name), getattr(again, name), equal_nan=True)
    assert not np.array_equal(first.samples, other.samples)


def test_without_noise_a_profile_is_the_formula_rounded() -> None:
    made = only("plain")
    away = np.arange(64) - made.centre[:, None]
    assert np.array_equal(made.samples, np.rint(10 + 100 * np.exp(-0.5 * (away / 2) ** 2)).astype(np.uint8))
    assert made.samples.dtype == np.uint8 and made.valid.all()


def test_parameters_lie_in_their_ranges_and_centres_keep_the_margin() -> None:
    made = generate(5000, 1, Signal(cases={"plain": 1.0}))
    for values, (lo, hi) in ((made.amplitude, (8, 240)), (made.width, (1.2, 3.5)), (made.noise, (0.5, 4)),
                             (made.centre, (6, 57))):  # fmt: skip
        assert lo <= values.min() < lo + (hi - lo) / 20 and hi - (hi - lo) / 20 < values.max() <= hi


def test_the_cases_have_their_shares() -> None:
    made = generate(20_000, 2, Signal(cases={"plain": 1.0, "no_peak": 3.0}))
    assert set(np.unique(made.case)) == {CASES.index("plain"), CASES.index("no_peak")}
    assert 0.73 < (made.case == CASES.index("no_peak")).mean() < 0.77
    assert np.array_equal(~made.valid, made.case == CASES.index("no_peak"))


def test_read_noise_and_shot_noise_have_the_stated_variance() -> None:
    flat = {"background": (100.0, 100.0)}
    read = only("no_peak", read_noise=(3.0, 3.0), **flat).samples.astype(float)
    shot = only("no_peak", shot=(0.25, 0.25), **flat).samples.astype(float)
    rounding = 1 / 12
    assert 0.97 < read.var() / (9 + rounding) < 1.03 and 0.97 < shot.var() / (25 + rounding) < 1.03


def test_speckle_has_mean_one_and_the_stated_contrast_and_correlation() -> None:
    peaks = only("plain", 4000, amplitude=(50.0, 50.0), width=(1e6, 1e6), background=(0.0, 0.0), speckle=(0.2, 0.2))
    light = np.log(peaks.samples.astype(float) / 50)
    neighbours = (np.corrcoef(light[:, 30], light[:, 30 + k])[0, 1] for k in (1, 2, 3))
    near, next_, far = neighbours
    assert 0.19 < light.std() < 0.21 and 0.62 < near < 0.72 and 0.11 < next_ < 0.22 and abs(far) < 0.06
    assert 49 < peaks.samples.mean() < 51


def test_hard_cases_are_what_they_say() -> None:
    plain = only("plain").samples.astype(int)
    assert (only("no_peak").samples == 10).all()
    assert (only("saturated").samples.max(1) == 255).all()
    hidden = only("occluded").samples.astype(int)
    assert (hidden <= plain).all() and (hidden < plain).any(1).mean() > 0.8
    second = only("two_peaks", margin=30.0).samples.astype(int)
    alone = only("plain", margin=30.0).samples.astype(int)
    assert (second >= alone).all() and (second - alone).max(1).min() >= 29 and (second - alone).max() <= 90
    low = only("low_signal", read_noise=(4.0, 4.0))
    assert low.amplitude.min() >= 8 and low.amplitude.max() <= 20
    skewed = only("skewed", margin=20.0).samples.astype(float) - 10
    mass = (skewed * np.arange(64)).sum(1) / skewed.sum(1)
    assert np.abs(mass - only("skewed", margin=20.0).centre).mean() > 0.5
    assert only("plain", spurious=1.0).samples.astype(int).sum() > plain.sum()


def test_a_line_shares_background_and_noise_and_labels_its_tiles() -> None:
    made = lines(20, 8, 3)
    assert made.samples.shape == (160, 64) and np.array_equal(made.noise, np.repeat(made.noise[::8], 8))
    assert (made.centre[made.valid] >= 12).all() and (made.centre[made.valid] <= 51).all()


@pytest.mark.parametrize(
    ("signal", "said"),
    [
        (Signal(cases={"sunny": 1.0}), "sunny"),
        (Signal(cases={}), "shares"),
        (Signal(cases={"plain": 0.0}), "shares"),
        (Signal(cases={"plain": -1.0, "no_peak": 2.0}), "shares"),
        (Signal(samples=8), "no place"),
        (Signal(margin=-1.0), "no place"),
    ],
)
def test_signals_that_cannot_be_are_refused(signal: Signal, said: str) -> None:
    for make in (lambda: generate(2, 0, signal), lambda: lines(2, 2, 0, signal)):
        with pytest.raises(IsobitError) as caught:
            make()
        assert caught.value.code == "E305" and said in str(caught.value)
