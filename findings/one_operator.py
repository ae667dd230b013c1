"""A TFLite file of one operator, and the kernels of three runtimes that run it (for the scripts of this folder).

Needs ai-edge-litert, whose schema writes the file; ``tflm`` needs tflite-micro too.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "bool": 6, "int16": 7, "int8": 9}
RESOLVERS = {
    "reference": OpResolverType.BUILTIN_REF,
    "no delegate": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "default": OpResolverType.AUTO,
}


def tensor(shape, dtype, scale=None, zero_point=0, data=None):
    """One tensor of the file, per tensor quantised where a scale is given."""
    table = schema.TensorT()
    table.shape, table.type, table.buffer, table.hasRank = list(shape), _TYPES[dtype], 0, True
    if scale is not None:
        table.quantization = schema.QuantizationParametersT()
        table.quantization.scale, table.quantization.zeroPoint = [float(scale)], [int(zero_point)]
    return table, data


def file_of(operator, inputs, output, version=1, options="", **values):
    """The bytes of a file with this one operator; inputs with data are constants, the others the file's inputs."""
    graph, model = schema.SubGraphT(), schema.ModelT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    for index, (table, data) in enumerate([*inputs, output]):
        table.name = f"t{index}"
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            model.buffers.append(buffer)
            table.buffer = len(model.buffers) - 1
        graph.tensors.append(table)
    code, node = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode, code.version = getattr(schema.BuiltinOperator, operator), version
    code.deprecatedBuiltinCode = min(127, code.builtinCode)
    node.opcodeIndex, node.inputs, node.outputs = 0, list(range(len(inputs))), [len(inputs)]
    if options:
        node.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        node.builtinOptions = getattr(schema, options + "T")()
        for name, value in values.items():
            setattr(node.builtinOptions, name, value)
    graph.operators, graph.outputs = [node], node.outputs
    graph.inputs = [i for i, (_, data) in enumerate(inputs) if data is None]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def litert(file, samples, kernels):
    """The first output by LiteRT with one of RESOLVERS; a RuntimeError is what its message says."""
    interpreter = Interpreter(model_content=file, experimental_op_resolver_type=RESOLVERS[kernels], num_threads=1)
    interpreter.allocate_tensors()
    for detail, sample in zip(interpreter.get_input_details(), samples, strict=True):
        interpreter.set_tensor(detail["index"], sample)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def tflm(file, samples):
    """The first output by TensorFlow Lite for Microcontrollers."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(file, arena_size=1 << 22)
    for index, sample in enumerate(samples):
        interpreter.set_input(sample, index)
    interpreter.invoke()
    return np.array(interpreter.get_output(0))
