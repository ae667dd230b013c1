"""Small TFLite networks with drawn weights that hold every kind of operator, for the whole way to C++."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.check.source_tflite_helpers import SAME, VALID, Draw, steps

_PLAIN = {"stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1}


class Net(Draw):
    """Layers that keep track of their shapes; scales are drawn so that few outputs saturate."""

    def shape(self, index: int) -> tuple[int, ...]:
        """A tensor's shape without the batch."""
        return self.tensors[index].shape[1:]

    def zero(self, dtype: str = "") -> int:
        """A zero point near the middle, so that sums of products have both signs."""
        return super().zero(dtype) // 5 + (102 if (dtype or self.dtype) == "uint8" else 0)

    def conv(self, x: int, out: int, kernel: int = 3, stride: int = 1, fused: int = 0) -> int:
        """A padded convolution."""
        h, w, channels = self.shape(x)
        by = self.filters((out, kernel, kernel, channels), 0, x)
        options = steps((stride, stride), (1, 1), SAME) | {"fused_activation_function": fused}
        return self.make("CONV_2D", [x, *by], (-(-h // stride), -(-w // stride), out), self.sum_scale(x, by), **options)

    def depthwise(self, x: int, kernel: int = 3) -> int:
        """A padded depthwise convolution with a ReLU."""
        h, w, channels = self.shape(x)
        by = self.filters((1, kernel, kernel, channels), 3, x)
        options = _PLAIN | {"padding": SAME, "depth_multiplier": 1, "fused_activation_function": 1}
        return self.make("DEPTHWISE_CONV_2D", [x, *by], (h, w, channels), self.sum_scale(x, by), **options)

    def dense(self, x: int, out: int, fused: int = 0) -> int:
        """A fully connected layer on everything."""
        by = self.filters((out, int(np.prod(self.shape(x)))), 0, x, per_channel=False)
        scale = self.sum_scale(x, by)
        return self.make("FULLY_CONNECTED", [x, *by], (out,), scale, fused_activation_function=fused)

    def pool(self, op: str, x: int, kernel: int, stride: int, padding: int) -> int:
        """A pool, on its input's scale."""
        h, w, channels = self.shape(x)
        size = [-(-n // stride) if padding == SAME else (n - kernel) // stride + 1 for n in (h, w)]
        options = {"filter_height": kernel, "filter_width": kernel, "stride_h": stride, "stride_w": stride}
        given = self.tensors[x]
        shape = (1, *size, channels)
        return self.op(op, [x], shape, given.scale, given.zero_point[0], padding=padding, **options)

    def kept(self, op: str, given: list[int], shape: tuple[int, ...]) -> int:
        """What only moves the first of ``given``, on its scale."""
        first = self.tensors[given[0]]
        return self.op(op, given, (1, *shape), first.scale, first.zero_point[0])

    def added(self, x: int, y: int) -> int:
        """A residual sum."""
        said = {"pot_scale_int16": False} if self.dtype == "int16" else {}
        return self.make("ADD", [x, y], self.shape(x), self.scale_of(x) + self.scale_of(y), **said)

    def attention(self, x: int, heads: int) -> int:
        """Queries against keys, a Softmax, its shares of the values, head by head, and a dense layer of each token."""
        _, tokens, wide = self.shape(x)
        size, low = wide // heads, -128 if self.dtype == "int8" else 0
        split, turned = self.integers([1, tokens, heads, size]), self.integers([0, 2, 1, 3])

        def head() -> int:
            apart = self.kept("RESHAPE", [self.conv(x, wide, kernel=1), split], (tokens, heads, size))
            return self.kept("TRANSPOSE", [apart, turned], (heads, tokens, size))

        query, key, value = head(), head(), head()
        scale = float(20 * self.scale_of(query) * self.scale_of(key) * np.sqrt(size))
        scores = self.make("BATCH_MATMUL", [query, key], (heads, tokens, tokens), scale, adj_y=True)
        square = (1, heads, tokens, tokens)
        shares = self.op("SOFTMAX", [scores], square, 1 / 256, low, beta=1 / scale / 40)
        mixed = self.make("BATCH_MATMUL", [shares, value], (heads, tokens, size), self.scale_of(value) / 2)
        back = self.kept("TRANSPOSE", [mixed, turned], (tokens, heads, size))
        flat = self.kept("RESHAPE", [back, self.integers([1, 1, tokens, wide])], (1, tokens, wide))
        return self.conv(flat, wide, kernel=1)

    def layer_norm(self, x: int) -> int:
        """Mean, squared distances, their mean, an inverse root, a factor and a summand per channel."""
        _, tokens, wide = self.shape(x)
        scale, low = self.scale_of(x), -128 if self.dtype == "int8" else 0
        last, shape = self.integers([3]), (1, 1, tokens, 1)
        mean = self.op("MEAN", [x, last], shape, scale, self.tensors[x].zero_point[0], keep_dims=True)
        square = self.op("SQUARED_DIFFERENCE", [x, mean], (1, 1, tokens, wide), scale**2 * 90, low)
        spread = self.op("MEAN", [square, last], shape, scale**2 * 40, low, keep_dims=True)
        least = self.const(np.full((1, 1, 1, 1), low + 1), scale**2 * 9, low)
        more = self.op("ADD", [spread, least], shape, scale**2 * 40, low)
        inverse = self.op("RSQRT", [more], shape, 1 / scale / 900, low)
        apart = self.make("SUB", [x, mean], (1, tokens, wide), scale)
        unit = self.make("MUL", [apart, inverse], (1, tokens, wide), 1 / 40)
        gained = self.make("MUL", [unit, self.operand(1, 1, wide)], (1, tokens, wide), 1 / 10)
        return self.make("ADD", [gained, self.operand(1, 1, wide)], (1, tokens, wide), 1 / 8)

    def joined(self, x: int, y: int, axis: int = 3) -> int:
        """Two tensors behind one another, on the first one's scale."""
        given = self.tensors[x]
        shape = list(given.shape)
        shape[axis] += self.tensors[y].shape[axis]
        other = self.op("QUANTIZE", [y], self.tensors[y].shape, given.scale, given.zero_point[0])
        return self.op("CONCATENATION", [x, other], shape, given.scale, given.zero_point[0], axis=axis)

    def sum_scale(self, x: int, by: list[int]) -> float:
        """A scale on which few sums of products saturate."""
        weights = self.tensors[by[0]]
        terms = np.prod(weights.shape[1:] if weights.axis == 0 else weights.shape[:-1])
        wide = 80 if self.dtype == "int16" else 20
        return float(np.float32(wide * max(weights.scale) * self.scale_of(x) * np.sqrt(terms)))


def residual(dtype: str) -> Net:
    """Convolutions, a residual sum, pools, a mean and two dense layers, with a Softmax."""
    net = Net(dtype, 3)
    x = net.conv(net.image(9, 7, 3), 6, fused=1)
    y = net.conv(net.depthwise(x), 6, kernel=1)
    z = net.make("ADD", [x, y], (9, 7, 6), net.scale_of(x) + net.scale_of(y))
    pooled = net.pool("MAX_POOL_2D", net.pool("AVERAGE_POOL_2D", z, 3, 1, SAME), 2, 2, VALID)
    last = net.conv(pooled, 8, stride=2)
    mean = net.make("MEAN", [last, net.integers([1, 2])], (8,), net.scale_of(last) / 2)
    logits = net.dense(net.dense(mean, 7, fused=1), 5)
    net.op("SOFTMAX", [logits], (1, 5), 1 / 256, -128 if dtype == "int8" else 0, beta=1.0)
    return net


def upsampled(dtype: str) -> Net:
    """A transposed convolution, a skip, nearest upsampling, moves and functions, with a fully convolutional output."""
    net = Net(dtype, 5)
    x = net.conv(net.image(6, 8, 2), 4, stride=2, fused=3)
    size, by = net.integers([1, 6, 8, 3]), net.filters((3, 2, 2, 4), 0, x)
    options = {"padding": SAME, "stride_h": 2, "stride_w": 2}
    up = net.make("TRANSPOSE_CONV", [size, by[0], x, by[1]], (6, 8, 3), 12 * net.scale_of(x), **options)
    given = net.tensors[x]
    near = net.op("RESIZE_NEAREST_NEIGHBOR", [x, net.integers([6, 8])], (1, 6, 8, 4), given.scale, given.zero_point[0])
    both = net.conv(net.joined(up, near), 4, kernel=1)
    bent = net.make("LEAKY_RELU", [both], (6, 8, 4), net.scale_of(both), alpha=0.2)
    slow = net.op("LOGISTIC", [bent], (1, 6, 8, 4), 1 / 256, -128 if dtype == "int8" else 0)
    less = net.make("SUB", [bent, slow], (6, 8, 4), net.scale_of(bent))
    square = net.make("MUL", [less, net.operand(1, 1, 4)], (6, 8, 4), net.scale_of(less) * 4)
    margins = net.integers([[0, 0], [1, 0], [0, 2], [0, 0]])
    given = net.tensors[square]
    wide = net.op("PAD", [square, margins], (1, 7, 10, 4), given.scale, given.zero_point[0])
    net.op("STRIDED_SLICE", [wide, *(net.integers(v) for v in ([0, 1, 0, 1], [1, 7, 10, 4], [1, 2, 3, 1]))],
           (1, 3, 4, 3), given.scale, given.zero_point[0])  # fmt: skip
    return net


def enlarged(dtype: str) -> Net:
    """Bilinear enlargement, a mirrored border, extrema of two maps, a constant for every element, a greatest value."""
    net = Net(dtype, 11)
    bent = net.conv(net.image(3, 4, 2), 4, fused=1)
    x = net.make("GELU", [bent], (3, 4, 4), net.scale_of(bent))
    scale, zero = net.scale_of(x), net.tensors[x].zero_point[0]
    wide = net.op("RESIZE_BILINEAR", [x, net.integers([6, 8])], (1, 6, 8, 4), scale, zero, half_pixel_centers=True)
    margins = net.integers([[0, 0], [1, 1], [1, 0], [0, 0]])
    framed = net.op("MIRROR_PAD", [wide, margins], (1, 8, 9, 4), scale, zero, mode=0)
    turned = net.op("REVERSE_V2", [framed, net.integers([2])], (1, 8, 9, 4), scale, zero)
    least = net.op("MINIMUM", [framed, turned], (1, 8, 9, 4), scale, zero)
    floor = net.op("MAXIMUM", [least, net.const(net.integers_of((4,)) // 4, scale, zero)], (1, 8, 9, 4), scale, zero)
    places = net.const(net.integers_of((1, 8, 9, 4)), scale, zero)
    placed = net.op("ADD", [floor, places], (1, 8, 9, 4), 2 * scale, zero)
    most = net.op("REDUCE_MAX", [placed, net.integers([1, 2])], (1, 4), 2 * scale, zero)
    net.dense(most, 5)
    return net


def excited(dtype: str) -> Net:
    """An inverted residual with SiLU and squeeze-and-excite, and a gate of two branches."""
    net, low = Net(dtype, 7), -128 if dtype == "int8" else 0
    x = net.conv(net.image(5, 6, 2), 6)
    gate = net.op("LOGISTIC", [x], (1, 5, 6, 6), 1 / 256, low)
    x = net.make("MUL", [x, gate], (5, 6, 6), net.scale_of(x))
    mean = net.make("MEAN", [x, net.integers([1, 2])], (6,), net.scale_of(x) / 2)
    opened = net.op("LOGISTIC", [net.dense(net.dense(mean, 3, fused=1), 6)], (1, 6), 1 / 256, low)
    factor = net.op("RESHAPE", [opened, net.integers([1, 1, 1, 6])], (1, 1, 1, 6), 1 / 256, low)
    x = net.make("MUL", [factor, x], (5, 6, 6), net.scale_of(x) / 2)
    left, right = net.conv(x, 4, kernel=1), net.conv(x, 4, kernel=1, fused=1)
    net.make("MUL", [left, right], (5, 6, 4), 20 * net.scale_of(left) * net.scale_of(right))
    return net


def attended(dtype: str) -> Net:
    """Attention of two heads, added to what came in."""
    net = Net(dtype, 23)
    x = net.conv(net.image(1, 4, 3), 6, kernel=1)
    net.added(x, net.attention(x, 2))
    return net


def normalised(dtype: str) -> Net:
    """Layer norm of every token."""
    net = Net(dtype, 29)
    net.layer_norm(net.conv(net.image(1, 3, 3), 8, kernel=1))
    return net


def sixteen_bits() -> Net:
    """16-bit activations: convolutions, a residual sum, pools, a gate, a mean and a dense layer."""
    net = Net("int16", 3)
    x = net.conv(net.input((1, 5, 4, 3), 1e-7), 4, fused=1)
    added = net.added(x, net.conv(net.depthwise(x), 4, kernel=1))
    pooled = net.pool("MAX_POOL_2D", net.pool("AVERAGE_POOL_2D", added, 3, 1, SAME), 2, 2, VALID)
    gate = net.op("LOGISTIC", [pooled], (1, 2, 2, 4), 2.0**-15)
    gated = net.make("MUL", [pooled, gate], (2, 2, 4), net.scale_of(pooled) / 2)
    net.dense(net.make("MEAN", [gated, net.integers([1, 2])], (4,), net.scale_of(gated) / 2), 3)
    return net


def encoder(dtype: str, heads: int = 4, tokens: int = 16, wide: int = 64) -> Net:
    """A whole encoder block: attention and two dense layers with a GELU between, each added and normalised."""
    net = Net(dtype, 31)
    x = net.image(1, tokens, wide)
    x = net.layer_norm(net.added(x, net.attention(x, heads)))
    inner = net.conv(x, 2 * wide, kernel=1)
    bent = net.make("GELU", [inner], (1, tokens, 2 * wide), net.scale_of(inner))
    net.layer_norm(net.added(x, net.conv(bent, wide, kernel=1)))
    return net


NETS: Mapping[str, Callable[[str], Net]] = {
    "residual": residual,
    "upsampled": upsampled,
    "enlarged": enlarged,
    "excited": excited,
    "attended": attended,
    "normalised": normalised,
}
