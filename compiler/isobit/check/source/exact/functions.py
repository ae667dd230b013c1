"""Element-wise functions of exact tensors, from the formulas of the ONNX operator pages.

A function without rational values is evaluated in decimals of 80 digits and given to 60, once for every number that
occurs; where the argument makes it rational (zero, one) it is exact. Nothing here is shared with the compiler, the
series of the error function included.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from isobit.check.source.exact import tensor as exact
from isobit.check.source.exact.call import Call
from isobit.check.source.exact.tensor import ExactTensor, objects
from isobit.errors import IsobitError

_DIGITS = 60
_UNIT: int = 10**_DIGITS
Function = Callable[[Decimal], Decimal]


def each(data: ExactTensor, function: Function) -> ExactTensor:
    """``function`` of every element, to 60 digits behind the point."""
    with decimal.localcontext(prec=_DIGITS + 20, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN):
        try:
            values = {n: round(Fraction(function(Decimal(n) / data.den)) * _UNIT) for n in set(map(int, data.num.flat))}
        except (ArithmeticError, ValueError) as error:
            raise IsobitError("E204", "an element lies outside the function") from error
    return exact.lowest(np.vectorize(values.__getitem__, otypes=[object])(data.num), _UNIT)


def _erf(x: Decimal) -> Decimal:
    """``2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!``, whose terms have one sign."""
    if abs(x) > 15:  # 1 - erf(15) is below 1e-99
        return Decimal(1).copy_sign(x)
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -(_DIGITS + 15):
        n += 1
        term *= 2 * x * x / (2 * n + 1)
        total += term
    return 2 / _pi().sqrt() * (-x * x).exp() * total


def _pi() -> Decimal:
    """By the Gauss-Legendre iteration."""
    a, b, t, p = Decimal(1), 1 / Decimal(2).sqrt(), Decimal("0.25"), Decimal(1)
    for _ in range(7):
        a, b, t, p = (a + b) / 2, (a * b).sqrt(), t - p * ((a - b) / 2) ** 2, 2 * p
    return (a + b) ** 2 / (4 * t)


def _softplus(x: Decimal) -> Decimal:
    return max(x, Decimal(0)) + (1 + (-abs(x)).exp()).ln()


def _tanh(x: Decimal) -> Decimal:
    decay = (-2 * abs(x)).exp()
    return ((1 - decay) / (1 + decay)).copy_sign(x)


def _number(call: Call, name: str, default: float) -> Decimal:
    value = call.node.attrs.get(name, default)
    return Decimal(float(np.float32(value)) if isinstance(value, int | float) else default)


def _exponential(x: Decimal, steepness: Decimal, alpha: Decimal) -> Decimal:
    return x if x >= 0 else alpha * ((x / steepness).exp() - 1)


def _elu(call: Call) -> ExactTensor:
    alpha = _number(call, "alpha", 1.0)
    return each(call.given(0), lambda x: _exponential(x, Decimal(1), alpha))


def _celu(call: Call) -> ExactTensor:
    alpha = _number(call, "alpha", 1.0)
    return each(call.given(0), lambda x: _exponential(x, alpha, alpha))


def _selu(call: Call) -> ExactTensor:
    alpha, gamma = _number(call, "alpha", 1.67326319217681884765625), _number(call, "gamma", 1.05070102214813232421875)
    return each(call.given(0), lambda x: gamma * _exponential(x, Decimal(1), alpha))


def _gelu(call: Call) -> ExactTensor:
    if call.text("approximate", "none") != "tanh":
        return each(call.given(0), lambda x: x / 2 * (1 + _erf(x / Decimal(2).sqrt())))
    factor = Decimal("0.044715")
    return each(call.given(0), lambda x: x / 2 * (1 + _tanh((2 / _pi()).sqrt() * (x + factor * x**3))))


def _swish(call: Call) -> ExactTensor:
    alpha = _number(call, "alpha", 1.0)
    return each(call.given(0), lambda x: x / (1 + (-alpha * x).exp()))


def _clamped(data: ExactTensor, slope: ExactTensor, shift: ExactTensor) -> ExactTensor:
    line = exact.add(exact.multiply(data, slope), shift)
    return exact.minimum(exact.maximum(line, exact.scalar(0)), exact.scalar(1))


def _hard_sigmoid(call: Call) -> ExactTensor:
    alpha, beta = call.number("alpha", float(np.float32(0.2))), call.number("beta", 0.5)
    return _clamped(call.given(0), alpha, beta)


def _hard_swish(call: Call) -> ExactTensor:
    gate = _clamped(call.given(0), exact.scalar(Fraction(1, 6)), exact.scalar(Fraction(1, 2)))
    return exact.multiply(call.given(0), gate)


def _magnitude(data: ExactTensor) -> ExactTensor:
    return data.map(abs)


def _reciprocal(data: ExactTensor) -> ExactTensor:
    if (data.num == 0).any():
        raise IsobitError("E204", "division by zero")
    return exact.reciprocal(data)


def _softsign(call: Call) -> ExactTensor:
    return exact.multiply(call.given(0), _reciprocal(exact.add(_magnitude(call.given(0)), exact.scalar(1))))


def _threshold(call: Call) -> ExactTensor:
    data, limit = call.given(0), call.number("alpha", 1.0)
    (num, least), _ = exact.aligned([data, limit])
    return data.map(lambda n: np.where((num > least).astype(bool), n, 0))


def _sqrt(call: Call) -> ExactTensor:
    """Exact where the root is rational."""
    data = call.given(0)
    if (data.num < 0).any():
        raise IsobitError("E204", "the root of a negative number")
    roots = {n: Fraction(n, data.den) for n in set(map(int, data.num.flat))}
    whole = {n: (math.isqrt(r.numerator), math.isqrt(r.denominator)) for n, r in roots.items()}
    if all(a * a == roots[n].numerator and c * c == roots[n].denominator for n, (a, c) in whole.items()):
        return exact.from_fractions([Fraction(*whole[int(n)]) for n in data.num.flat], data.shape)
    return each(data, Decimal.sqrt)


def _pow(call: Call) -> ExactTensor:
    powers = {call.given(1)[i] for i in np.ndindex(call.given(1).shape)}
    power = powers.pop()
    if powers or power.denominator not in (1, 2):
        raise IsobitError("E202", "an exponent that is no whole number or half")
    data = call.given(0)
    if power.denominator == 2:
        return each(data, lambda x: x.sqrt() ** power.numerator)
    raised = ExactTensor(objects(data.num ** abs(power.numerator)), data.den ** abs(power.numerator))
    return _reciprocal(raised) if power < 0 else raised


def _extreme(choose: Callable[[ExactTensor, ExactTensor], ExactTensor]) -> Callable[[Call], ExactTensor]:
    def run(call: Call) -> ExactTensor:
        result = call.given(0)
        for index in range(1, len(call.inputs)):
            result = choose(result, call.given(index))
        return result

    return run


def _comparison(holds: Callable[[object, object], object]) -> Callable[[Call], ExactTensor]:
    def run(call: Call) -> ExactTensor:
        (left, right), _ = exact.aligned([call.given(0), call.given(1)])
        return exact.from_integers(np.asarray(holds(left, right)).astype(bool).astype(np.int64))

    return run


def _logic(holds: Callable[[object, object], object]) -> Callable[[Call], ExactTensor]:
    def run(call: Call) -> ExactTensor:
        left, right = ((call.given(i).num != 0).astype(bool) for i in (0, 1))
        return exact.from_integers(np.asarray(holds(left, right)).astype(np.int64))

    return run


def _where(call: Call) -> ExactTensor:
    (yes, no), den = exact.aligned([call.given(1), call.given(2)])
    return exact.lowest(objects(np.where((call.given(0).num != 0).astype(bool), yes, no)), den)


def _of(function: Function) -> Callable[[Call], ExactTensor]:
    return lambda call: each(call.given(0), function)


FUNCTIONS: Mapping[str, Callable[[Call], ExactTensor]] = MappingProxyType(
    {
        "Abs": lambda call: _magnitude(call.given(0)),
        "And": _logic(np.logical_and),  # type: ignore[arg-type]
        "Celu": _celu,
        "Elu": _elu,
        "Equal": _comparison(np.equal),  # type: ignore[arg-type]
        "Erf": _of(_erf),
        "Exp": _of(Decimal.exp),
        "Gelu": _gelu,
        "Greater": _comparison(np.greater),  # type: ignore[arg-type]
        "GreaterOrEqual": _comparison(np.greater_equal),  # type: ignore[arg-type]
        "HardSigmoid": _hard_sigmoid,
        "HardSwish": _hard_swish,
        "Less": _comparison(np.less),  # type: ignore[arg-type]
        "LessOrEqual": _comparison(np.less_equal),  # type: ignore[arg-type]
        "Log": _of(Decimal.ln),
        "Max": _extreme(exact.maximum),
        "Min": _extreme(exact.minimum),
        "Mish": _of(lambda x: x * _tanh(_softplus(x))),
        "Not": lambda call: exact.from_integers((call.given(0).num == 0).astype(np.int64)),
        "Or": _logic(np.logical_or),  # type: ignore[arg-type]
        "Pow": _pow,
        "Reciprocal": lambda call: _reciprocal(call.given(0)),
        "Selu": _selu,
        "Softplus": _of(_softplus),
        "Softsign": _softsign,
        "Sqrt": _sqrt,
        "Swish": _swish,
        "ThresholdedRelu": _threshold,
        "Where": _where,
        "Xor": _logic(np.logical_xor),  # type: ignore[arg-type]
    }
)
