"""The hardware description (``.hwh``) of a recorded block design, as much of it as the ``pynq`` package reads.

Written for the parser that comes with pynq 4.0: modules with parameters and ports, the processing system's memory map.
"""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tests.pynq.vivado import Recording

_CLOCKS = {
    "processing_system7": ("PCW_FPGA_FCLK%d_ENABLE", "PCW_FCLK%d_PERIPHERAL_DIVISOR%d"),
    "zynq_ultra_ps_e": ("PSU__FPGA_PL%d_ENABLE", "PSU__CRL_APB__PL%d_REF_CTRL__DIVISOR%d"),
}


def hwh(recording: Recording) -> str:
    """The XML text."""
    root = Element("EDKSYSTEM")
    SubElement(root, "EXTERNALPORTS")
    modules = SubElement(root, "MODULES")
    signals = {pin: f"net_{i}" for i, net in enumerate(recording.nets) for pin in net}
    for name, cell in recording.cells.items():
        module = SubElement(
            modules, "MODULE", FULLNAME=f"/{name}", INSTANCE=name, MODTYPE=cell.ip, VLNV=cell.vlnv, BDTYPE=""
        )
        parameters = SubElement(module, "PARAMETERS")
        values = {key.upper() if cell.ip != "axi_dma" else key: value for key, value in cell.properties.items()}
        for key, value in (values | _clock_parameters(cell.ip)).items():
            SubElement(parameters, "PARAMETER", NAME=key, VALUE=value)
        ports = SubElement(module, "PORTS")
        for pin, (direction, *_) in cell.pins("pins").items():
            signal = signals.get(f"{name}/{pin}", "")
            SubElement(ports, "PORT", NAME=pin, DIR=direction[0].upper(), SIGNAME=signal)
        if cell.ip in _CLOCKS:
            _memory_map(recording, module)
    return ElementTree.tostring(root, encoding="unicode")


def _clock_parameters(ip: str) -> dict[str, str]:
    if ip not in _CLOCKS:
        return {}
    enable, divisor = _CLOCKS[ip]
    on = {enable % i: str(int(i == 0)) for i in range(4)}
    return on | {divisor % (i, j): "5" for i in range(4) for j in range(2)}


def _memory_map(recording: Recording, module: Element) -> None:
    memory = SubElement(module, "MEMORYMAP")
    for cell, (base, size) in recording.addresses.items():
        SubElement(
            memory, "MEMRANGE", INSTANCE=cell, BASEVALUE=f"0x{base:08X}", HIGHVALUE=f"0x{base + size - 1:08X}",
            MEMTYPE="REGISTER", SLAVEBUSINTERFACE="S_AXI",
        )  # fmt: skip
