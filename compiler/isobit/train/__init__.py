"""Training Brevitas networks for exact hardware; needs the extra ``isobit[train]``."""

from isobit.train.accumulator import Accumulator
from isobit.train.conversion import quantised
from isobit.train.data import Data, digits, load_data
from isobit.train.fixed_point import FixedPoint, fixed, parse_fixed
from isobit.train.loop import Epoch, accuracy, adam, cosine, fit
from isobit.train.quantising import Request, quantise
from isobit.train.requantizer import Requantizer
from isobit.train.rescale import finish, multiplicands, rescale_aware
from isobit.train.schemes import Formats, Scaled, parse_formats

__all__ = [
    "Accumulator", "Data", "Epoch", "FixedPoint", "Formats", "Request", "Requantizer", "Scaled", "accuracy", "adam",
    "cosine", "digits", "finish", "fit", "fixed", "load_data", "multiplicands", "parse_fixed", "parse_formats",
    "quantise", "quantised", "rescale_aware",
]  # fmt: skip
