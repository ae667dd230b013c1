"""The reference interpreter: the only definition of meaning."""

from isobit.interp.evaluate import Evaluator, run
from isobit.interp.host import dequantise, quantise, real_input

__all__ = ["Evaluator", "dequantise", "quantise", "real_input", "run"]
