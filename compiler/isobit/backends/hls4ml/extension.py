"""isobit's layers, made known to hls4ml by its Extension API: classes, templates, headers and a flow of its own.

hls4ml's stock flows hold passes that choose precisions, fold scales and reshape the graph. The flow here names every
pass that runs, and none of these does: they initialise layers, clone streams, lay out weights and buffers for C++ and
fill in the templates. :mod:`isobit.backends.hls4ml.project` checks what comes out all the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.flow import register_flow
from hls4ml.model.layers import Layer, register_layer

from isobit import templates
from isobit.backends.hls4ml.constants import STRUCT
from isobit.backends.hls4ml.design import Tool

HEADERS = (
    "isobit_adders.h",
    "isobit_layers.h",
    "isobit_pool.h",
    "isobit_reorder.h",
    "isobit_select.h",
    "isobit_step.h",
    "isobit_sum.h",
    "isobit_window.h",
)
_BEFORE_TEMPLATES = (
    "vivado:inplace_stream_flatten", "vivado:clone_output", "vivado:inplace_parallel_reshape",
    "vivado:transform_types", "vivado:generate_conv_streaming_instructions", "vivado:apply_resource_strategy",
    "vivado:generate_conv_im2col", "vivado:set_pipeline_style",
)  # fmt: skip


class IsobitLayer(Layer):  # type: ignore[misc]
    """A layer whose C++ isobit writes: the graph's own shape and type, and the body as attributes."""

    def initialize(self) -> None:
        """Make the output variable."""
        self.add_output_variable(list(self.attributes["shape"]))


OWN = {
    f"Isobit{name}": type(f"Isobit{name}", (IsobitLayer,), {"__doc__": f"{name}: see the header that it includes."})
    for name in ("Step", "Table", "Sum", "Reorder", "Select", "MaxPool", "Adders")
}
"""isobit's classes of layers by name."""


class IsobitConfigTemplate(LayerConfigTemplate):  # type: ignore[misc]
    """The struct of constants that a layer's function takes as its configuration."""

    def __init__(self) -> None:
        super().__init__(tuple(OWN.values()))

    def format(self, node: Any) -> str:
        """The struct, and behind it the definitions of its arrays."""
        body, name = node.get_attr("body"), f"config{node.index}"
        lines = [f"struct {STRUCT} {{", *(f"    {member}" for member in body.members), "};", *body.definitions]
        return "\n".join(lines).replace(STRUCT, name) + "\n"


class IsobitFunctionTemplate(FunctionCallTemplate):  # type: ignore[misc]
    """The call in the top function."""

    def __init__(self) -> None:
        super().__init__(tuple(OWN.values()))

    def format(self, node: Any) -> str:
        """The call: types of the operands and of the result, the struct; then the same as variables."""
        variables = [*(node.get_input_variable(name) for name in node.inputs), node.get_output_variable()]
        kinds, names = ", ".join(v.type.name for v in variables), ", ".join(v.name for v in variables)
        return f"{node.get_attr('body').function}<{kinds}, config{node.index}>({names});"

    def transform(self, model: Any, node: Any) -> Any:
        """Include the header that the body is in."""
        done = super().transform(model, node)
        node.set_attr("include_header", [f"nnet_utils/{node.get_attr('body').header}"])
        return done


@cache
def register() -> None:
    """Make everything known, once in a process."""
    for name, kind in OWN.items():
        register_layer(name, kind)
    vivado = get_backend("Vivado")
    for tool in get_args(Tool):
        backend = get_backend(tool)
        backend.register_template(IsobitConfigTemplate)
        backend.register_template(IsobitFunctionTemplate)
        for header in HEADERS:
            backend.register_source(templates.root() / "hls4ml" / header)
        passes = [*vivado._get_layer_initializers(), *_BEFORE_TEMPLATES]
        passes += [*vivado._get_layer_templates(), *backend._get_layer_templates()]
        register_flow("isobit", passes, backend=tool.lower())
        register_flow("isobit_write", [f"{tool.lower()}:write_hls"], backend=tool.lower())


def flows(tool: Tool) -> tuple[str, str]:
    """isobit's flow of one of hls4ml's back ends, and the one that writes the project."""
    return f"{tool.lower()}:isobit", f"{tool.lower()}:isobit_write"
