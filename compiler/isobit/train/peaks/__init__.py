"""Sub-pixel peak detection in sensor profiles: signals, classical detectors, small integer networks."""

from isobit.train.peaks.baselines import BASELINES, Estimate
from isobit.train.peaks.files import load_profiles, profiles_of, save_profiles
from isobit.train.peaks.signals import CASES, Profiles, Signal, generate, lines

__all__ = [
    "BASELINES", "CASES", "Estimate", "Profiles", "Signal", "generate", "lines", "load_profiles", "profiles_of",
    "save_profiles",
]  # fmt: skip
