"""Operators that no exact integer network can hold, or that another tool's optimiser made: the true cause by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """Why an operator is refused, under which code, and what would help."""

    code: str
    why: str
    hint: str


_RECURRENT = Cause(
    "E201", "a recurrent layer keeps a state from step to step",
    "unroll it over a fixed number of steps with quantisers between, or use a convolution over time",
)  # fmt: skip
_DYNAMIC = Cause(
    "E206", "dynamic quantisation: its scales are computed from every sample anew",
    "quantise statically, with calibration data: onnxruntime.quantization.quantize_static in QDQ form",
)  # fmt: skip
_WEIGHTS_ONLY = Cause(
    "E203", "only its weights are quantised, its activations are floats",
    "quantise the activations too: onnxruntime.quantization.quantize_static in QDQ form",
)  # fmt: skip
_ATTENTION = Cause(
    "E201", "attention multiplies activations by activations, with a softmax inside",
    "use dense layers or convolutions",
)  # fmt: skip
_NORM = Cause(
    "E201", "it divides by a root of what the sample itself holds",
    "use BatchNormalization, whose statistics are constants",
)  # fmt: skip
_FUSED = Cause(
    "E201", "ONNX Runtime's own optimiser made this operator",
    "save the model without optimisation, or quantise the file that it was made from",
)  # fmt: skip

CAUSES: dict[str, Cause] = {
    **dict.fromkeys(("GRU", "LSTM", "RNN", "QuantLSTMCell"), _RECURRENT),
    **dict.fromkeys(
        (
            "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulIntegerToFloat",
        ),
        _DYNAMIC,
    ),
    **dict.fromkeys(("MatMulNBits", "MatMulBnb4", "GatherBlockQuantized", "QMoE"), _WEIGHTS_ONLY),
    **dict.fromkeys(
        ("Attention", "QAttention", "MultiHeadAttention", "GroupQueryAttention", "PackedAttention"), _ATTENTION
    ),
    **dict.fromkeys(
        (
            "LayerNormalization", "SimplifiedLayerNormalization", "SkipLayerNormalization", "RMSNormalization",
            "InstanceNormalization", "GroupNormalization", "LpNormalization", "LRN", "MeanVarianceNormalization",
        ),
        _NORM,
    ),
    **dict.fromkeys(("FusedConv", "FusedMatMul", "FusedGemm", "BiasGelu", "FastGelu", "NhwcMaxPool"), _FUSED),
}  # fmt: skip
"""By operator, whatever its domain."""
