"""The networks of ``hls4ml_exactness.py``: the Brevitas families of the tests, dense and convolutional, crosswise.

Shapes are small where the literature's are large: what is counted is who computes the integers, and that is decided by
bits, scales, activations and layers, not by how many channels there are.
"""

from __future__ import annotations

from itertools import product
from typing import Any

JET = (16, 64, 32, 32, 5)
BITS = (1, 2, 3, 4, 6, 8)
SCALES = {
    "free_channel": (False, True), "pow2_tensor": (True, False), "free_tensor": (False, False),
    "pow2_channel": (True, True),
}  # fmt: skip
"""Are scales powers of two, and has every channel its own?"""
TINY = {
    "autoencoder": (2, 8), "cnv": (3, 32), "dscnn": (4, 49), "lenet": (3, 16), "mobilenet_v2": (2, 8),
    "radioml": (4, 32), "resnet8": (3, 8), "resnet9": (2, 8), "separable": (3, 11), "transposed": (2, 8),
    "unet": (2, 8), "vgg": (3, 8),
}  # fmt: skip
"""Width and size of each family."""


def zoo() -> list[tuple[str, Any, tuple[int, ...]]]:
    """The networks by name, and the shape of a sample: dense ones, then convolutional ones, wide dense ones last."""
    from models.brevitas_conv_blocks import Kit
    from models.brevitas_conv_nets import FAST_CASES, ConvNet
    from models.brevitas_nets import CASES, Net

    dense = [net for net in CASES if net.name.startswith(("small_", "jet_"))]
    dense += [
        Net(f"jet_w{bits}a{bits}_{label}", JET, bits, bits, per_channel, pow2, input_bits=1 if bits == 1 else 8)
        for bits, (label, (pow2, per_channel)) in product(BITS, SCALES.items())
    ]
    kits = {
        "w2a2": Kit(2, 2), "w4a4": Kit(4, 4), "w8a8_pow2_tensor": Kit(8, 8, pow2=True, per_channel=False),
        "w6a6_shared": Kit(6, 6, per_channel=False, join="shared"),
    }  # fmt: skip
    known = {(net.family, net.kit) for net in FAST_CASES}
    names = {net.name for net in FAST_CASES}
    convolutional = list(FAST_CASES) + [
        ConvNet(f"tiny_{family}_{label}", family, kit, *size)
        for (family, size), (label, kit) in product(TINY.items(), kits.items())
        if (family, kit) not in known and f"tiny_{family}_{label}" not in names
    ]
    wide = [net for net in CASES if net.name.startswith("tfc_")]
    made = [(net.name, net, (net.sizes[0],)) for net in dense]
    made += [(net.name, net, net.input_shape) for net in convolutional]
    return made + [(net.name, net, (net.sizes[0],)) for net in wide]
