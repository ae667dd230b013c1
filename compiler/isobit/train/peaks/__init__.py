"""Sub-pixel peak detection in sensor profiles: signals, classical detectors, small integer networks."""

from isobit.train.peaks.baselines import BASELINES, Estimate
from isobit.train.peaks.checkpoints import Detector, detector, empty, load_detectors, save_detectors, shipped
from isobit.train.peaks.files import load_profiles, profiles_of, save_profiles
from isobit.train.peaks.metrics import Score, estimates, groups, judge, read, threshold
from isobit.train.peaks.networks import DESIGNS, LINE, PROFILE, Design, Layer, LineNet, ProfileNet, network
from isobit.train.peaks.signals import CASES, Profiles, Signal, generate, lines
from isobit.train.peaks.training import RECIPES, Recipe, train

__all__ = [
    "BASELINES", "CASES", "DESIGNS", "LINE", "PROFILE", "RECIPES", "Design", "Detector", "Estimate", "Layer",
    "LineNet", "ProfileNet", "Profiles", "Recipe", "Score", "Signal", "detector", "empty", "estimates", "generate",
    "groups", "judge", "lines", "load_detectors", "load_profiles", "network", "profiles_of", "read",
    "save_detectors", "save_profiles", "shipped", "threshold", "train",
]  # fmt: skip
