"""Output shapes of the operators that need to know theirs, by the formulas of the ONNX operator pages.

All other operators find their shape by computing. Shapes are those of one sample (batch size 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from isobit.check.source.exact.call import Call
from isobit.errors import IsobitError

Shape = tuple[int, ...]


def output_shapes(call: Call) -> tuple[Shape, ...]:
    """The shapes of the outputs, ``()`` where the operator finds its shape by itself."""
    rule = _RULES.get(call.node.op)
    return rule(call) if rule else ()


def _reshape(call: Call) -> tuple[Shape, ...]:
    data, wanted = call.given(0).shape, call.integers("shape", 1) or ()
    keeps_zero = call.integer("allowzero", 0)
    made = [data[i] if n == 0 and not keeps_zero else n for i, n in enumerate(wanted)]
    if -1 in made:
        made[made.index(-1)] = math.prod(data) // math.prod(n for n in made if n != -1)
    return (tuple(made),)


def _flatten(call: Call) -> tuple[Shape, ...]:
    data = call.given(0).shape
    axis = call.integer("axis", 1)
    axis += len(data) if axis < 0 else 0
    return ((math.prod(data[:axis]), math.prod(data[axis:])),)


def _squeeze(call: Call) -> tuple[Shape, ...]:
    data, axes = call.given(0).shape, call.integers("axes", 1)
    gone = {i for i, n in enumerate(data) if n == 1} if axes is None else {a % len(data) for a in axes}
    return (tuple(n for i, n in enumerate(data) if i not in gone),)


def _unsqueeze(call: Call) -> tuple[Shape, ...]:
    data, axes = iter(call.given(0).shape), call.integers("axes", 1) or ()
    rank = len(call.given(0).shape) + len(axes)
    new = {a % rank for a in axes}
    return (tuple(1 if i in new else next(data) for i in range(rank)),)


def _tile(call: Call) -> tuple[Shape, ...]:
    data, repeats = call.given(0).shape, call.integers("repeats", 1) or ()
    return (tuple(n * r for n, r in zip(data, repeats, strict=True)),)


def _expand(call: Call) -> tuple[Shape, ...]:
    data, wanted = call.given(0).shape, call.integers("shape", 1) or ()
    rank = max(len(data), len(wanted))
    pairs = zip((1,) * (rank - len(data)) + data, (1,) * (rank - len(wanted)) + tuple(wanted), strict=True)
    return (tuple(n if w == 1 else w for n, w in pairs),)


def _listed(call: Call, name: str, rank: int, usual: int) -> Shape:
    value = call.node.attrs.get(name)
    return tuple(int(v) for v in value) if isinstance(value, tuple) and value else (usual,) * rank


def _windows(call: Call, kernel: Sequence[int], channels: int) -> tuple[Shape, ...]:
    """Convolution and pooling: how many windows fit on every axis."""
    data, rank = call.given(0).shape, len(kernel)
    strides, dilations = (_listed(call, name, rank, 1) for name in ("strides", "dilations"))
    pads, mode = _listed(call, "pads", 2 * rank, 0), call.text("auto_pad", "NOTSET")
    sizes = []
    for i, (size, span, stride) in enumerate(zip(data[2:], kernel, strides, strict=True)):
        reach = (span - 1) * dilations[i] + 1
        if mode.startswith("SAME"):
            sizes.append(-(-size // stride))
            continue
        before, after = (0, 0) if mode == "VALID" else (pads[i], pads[i + rank])
        free = size + before + after - reach
        count = (-(-free // stride) if call.integer("ceil_mode", 0) else free // stride) + 1
        if call.integer("ceil_mode", 0) and (count - 1) * stride >= size + before:
            count -= 1  # a window may not begin in the padding behind the data
        sizes.append(count)
    return ((data[0], channels, *sizes),)


def _conv(call: Call) -> tuple[Shape, ...]:
    weight = call.given(1).shape
    return _windows(call, weight[2:], weight[0])


def _pool(call: Call) -> tuple[Shape, ...]:
    kernel = call.integers("kernel_shape")
    if kernel is None:
        raise IsobitError("E202", "attribute 'kernel_shape' is missing")
    return _windows(call, kernel, call.given(0).shape[1])


def _conv_transpose(call: Call) -> tuple[Shape, ...]:
    data, weight = call.given(0).shape, call.given(1).shape
    rank = len(weight) - 2
    stated = call.integers("output_shape")
    channels = weight[1] * call.integer("group", 1)
    if stated is not None:
        return ((data[0], channels, *stated[-rank:]),)
    strides, dilations = (_listed(call, name, rank, 1) for name in ("strides", "dilations"))
    pads, extra = _listed(call, "pads", 2 * rank, 0), _listed(call, "output_padding", rank, 0)
    if call.text("auto_pad", "NOTSET").startswith("SAME"):
        return ((data[0], channels, *(n * s for n, s in zip(data[2:], strides, strict=True))),)
    sizes = [
        strides[i] * (data[2 + i] - 1) + extra[i] + (weight[2 + i] - 1) * dilations[i] + 1 - pads[i] - pads[i + rank]
        for i in range(rank)
    ]
    return ((data[0], channels, *sizes),)


def _quant_pool(call: Call) -> tuple[Shape, ...]:
    shape, kernel, stride = list(call.given(0).shape), call.integer("kernel", 1), call.integer("stride", 1)
    for axis in (1, 2) if call.text("data_layout", "NCHW") == "NHWC" else (2, 3):
        shape[axis] = (shape[axis] - kernel) // stride + 1
    return (tuple(shape),)


def _resize(call: Call) -> tuple[Shape, ...]:
    data, sizes = call.given(0).shape, call.integers("sizes", 3)
    if sizes:
        return (sizes,)
    scales = resize_scales(call)
    if scales is None:
        raise IsobitError("E202", "a Resize without sizes and scales")
    return (tuple(math.floor(n * s) for n, s in zip(data, scales, strict=True)),)


def resize_scales(call: Call) -> list[Fraction] | None:
    """The factors of a Resize or Upsample, from the attribute or the input that holds them at this version."""
    written = call.node.attrs.get("scales")
    if isinstance(written, tuple):
        return [Fraction(float(v)) for v in written]
    legacy = call.node.op == "Upsample" or call.node.opset < 11
    given = call.optional(1 if legacy else 2)
    if given is None or not given.num.size:
        return None
    return [given[(i,)] for i in range(given.shape[0])]


def _split(call: Call) -> tuple[Shape, ...]:
    data, axis = call.given(0).shape, call.integer("axis", 0)
    count = len(call.node.outputs)
    part = -(-data[axis] // count)
    widths = call.integers("split", 1) or tuple(min(part, data[axis] - part * i) for i in range(count))
    before, after = data[:axis] if axis >= 0 else data[: axis + len(data)], data[axis % len(data) + 1 :]
    return tuple((*before, width, *after) for width in widths)


def _concat(call: Call) -> tuple[Shape, ...]:
    parts = [call.given(i).shape for i in range(len(call.inputs))]
    axis = call.integer("axis", 0) % len(parts[0])
    return (tuple(sum(p[i] for p in parts) if i == axis else n for i, n in enumerate(parts[0])),)


_RULES: Mapping[str, Callable[[Call], tuple[Shape, ...]]] = MappingProxyType(
    {
        "AveragePool": _pool,
        "Concat": _concat,
        "Conv": _conv,
        "ConvTranspose": _conv_transpose,
        "Expand": _expand,
        "Flatten": _flatten,
        "MaxPool": _pool,
        "QuantAvgPool2d": _quant_pool,
        "Reshape": _reshape,
        "Resize": _resize,
        "Split": _split,
        "Squeeze": _squeeze,
        "Tile": _tile,
        "Unsqueeze": _unsqueeze,
        "Upsample": _resize,
    }
)
