"""QONNX files of one quantised input, and hls4ml's reading of them (for the scripts of this folder).

Needs hls4ml, qonnx and onnx, pinned by the script that imports it.
"""

import contextlib
import io
import warnings

import numpy as np
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
QUANT = {"domain": QONNX, "signed": 1, "narrow": 0, "rounding_mode": "ROUND"}


def file(shape, constants, nodes, scale=1.0, zero_point=0.0, bits=5.0, signed=1):
    """A network of one input ``x``, quantised as ``xq``, and one output ``y``."""
    values = {"one": 1.0, "zero": 0.0, "three": 3.0, "scale": scale, "zero_point": zero_point, "bits": bits} | constants
    tensors = [numpy_helper.from_array(np.asarray(v, dtype=np.float32), k) for k, v in values.items()]
    quant = helper.make_node("Quant", ["x", "scale", "zero_point", "bits"], ["xq"], **QUANT | {"signed": signed})
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    graph = helper.make_graph([quant, *nodes], "net", [x], [y], tensors)
    return helper.make_model(graph, ir_version=8, opset_imports=opsets)


def weights_of_three_bits():
    """The Quant node from the constant ``w`` to ``wq``."""
    return helper.make_node("Quant", ["w", "one", "zero", "three"], ["wq"], **QUANT)


def converted(model, folder, io_type, precision="fixed<32,24>", **settings):
    """hls4ml's model of the file; the settings are for its one layer that multiplies, if there are any."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.util.cleanup import cleanup_model

    with quiet():
        ready = cleanup_model(cleanup_model(ModelWrapper(model)).transform(ConvertToChannelsLastAndClean()))
        config = hls4ml.utils.config_from_onnx_model(
            ready, granularity="name", backend="Vitis", default_precision=precision
        )
        for name, layer in config["LayerName"].items():
            if "Conv" in name or "MatMul" in name:
                layer.update(settings)
        return hls4ml.converters.convert_from_onnx_model(
            ready, output_dir=folder, backend="Vitis", io_type=io_type, hls_config=config
        )


def outputs(made, samples):
    """What hls4ml's compiled project computes."""
    with quiet():
        made.compile()
        return made.predict(samples)


@contextlib.contextmanager
def quiet():
    """Nothing on the standard output, and no warnings."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
