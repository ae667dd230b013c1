"""LOGISTIC and TANH of 16 bits: a line between two entries of a table of 256, as ``tanh(x) = 2 sigmoid(2 x) - 1``.

Sources: TensorFlow Lite ``reference/integer_ops/logistic.h`` and ``tanh.h``, ``common.h`` (the table, which no formula
gives to the last digit), ``activations.cc`` (the input's multiplier).
"""

from __future__ import annotations

import math

import numpy as np

from isobit.check.source.tflite.arithmetic import Ints
from isobit.check.source.tflite.call import Call

_SIGMOID = (
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794, 41432, 42064, 42688,
    43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443, 48964, 49475, 49975, 50464, 50942, 51409,
    51865, 52311, 52745, 53169, 53581, 53983, 54374, 54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433,
    57724, 58007, 58280, 58544, 58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110,
    61279, 61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990, 63090, 63186,
    63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030, 64090, 64148, 64204, 64257, 64308,
    64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652, 64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900,
    64926, 64950, 64974, 64997, 65019, 65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208,
    65221, 65234, 65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360, 65367,
    65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433, 65438, 65442, 65445, 65449,
    65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476, 65479, 65481, 65483, 65485, 65488, 65489, 65491,
    65493, 65495, 65497, 65498, 65500, 65501, 65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513,
    65514, 65515, 65516, 65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529, 65529, 65530, 65530,
    65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532, 65532, 65532, 65532, 65533, 65533, 65533,
    65533, 65533, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535,
)  # fmt: skip
"""``sigmoid(n / 24)`` with 16 bits behind the point."""


def curve(call: Call) -> Ints:
    """The kernel's integers of LOGISTIC and TANH."""
    if call.scale(call.output) != 2.0**-15:
        raise call.operator.refusal("an output scale that is not 2**-15", code="E204")
    hyperbolic = call.operator.op == "TANH"
    factor, right = _factor(call, hyperbolic)
    x = call.value(0) * factor
    x = (x + ((1 << right) >> 1)) >> right
    bits = 8 if hyperbolic else 9
    place, rest = np.abs(x) >> bits, np.abs(x) & ((1 << bits) - 1)
    table = np.array(_SIGMOID, np.int64)
    below, above = (table[np.minimum(place + n, 255)] for n in (0, 1))
    line = np.where(place >= 255, 0xFFFF00 if hyperbolic else 0x7FFF << 10, (below << bits) + rest * (above - below))
    if hyperbolic:
        return np.where(x >= 0, line - (1 << 23) + 128, (1 << 23) + 127 - line) >> 8
    return np.where(x >= 0, line + 512, (1 << 25) + 511 - line) >> 10


def _factor(call: Call, hyperbolic: bool) -> tuple[int, int]:
    """``x * factor / 2**right`` has the scale 1 / (3 * 2**12)."""
    mantissa, exponent = math.frexp(call.scale(call.tensor(0)))
    left = exponent - 1 + 12
    if mantissa == 0.5 and (left == 0 or (hyperbolic and left == 1)):
        return 3 << left, 0
    real, right = call.scale(call.tensor(0)) * 4096 * 3, 0
    while real <= 32767 / 2 and right <= 30:
        real, right = 2 * real, right + 1
    if real >= 1 << 16:
        raise call.operator.refusal("an input scale that leaves 32 bits", code="E204")
    return int(real), right
