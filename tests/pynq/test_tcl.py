"""The package's Tcl, run in Python's Tcl interpreter against a recording of Vivado and Vitis HLS."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from isobit.build.folder import load_build
from isobit.hardware import board_names, load_board
from isobit.pynq.pack import package
from tests.pynq.vivado import Recording, recorded, streams


@pytest.mark.parametrize("board", [name for name in board_names() if load_board(name).ps])
def test_block_design_is_valid_on_every_board(board: str, compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("ports", board))
    package(build, tmp_path / "p", load_board(board))
    message, recording = recorded(build, tmp_path / "p")
    assert message == "" and recording.valid
    assert (tmp_path / "p" / "overlay.bit").is_file() and (tmp_path / "p" / "overlay.hwh").is_file()
    assert recording.board_part.split(":")[1] == load_board(board).board_part.split(":")[1]
    zynq7 = load_board(board).ps == "zynq7"
    ps = recording.cells["ps"]
    assert ps.ip == ("processing_system7" if zynq7 else "zynq_ultra_ps_e") and recording.preset == "1"
    clock = "PCW_FPGA0_PERIPHERAL_FREQMHZ" if zynq7 else "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ"
    assert float(ps.properties[clock]) == load_board(board).clock_mhz


@pytest.mark.parametrize("net", ["one", "image", "ports", "demo", "wide"])
def test_every_stream_has_its_dma_channel(net: str, compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled(net))
    package(build, tmp_path / "p")
    message, recording = recorded(build, tmp_path / "p")
    assert message == ""
    ways = {True: "M_AXIS_MM2S", False: "S_AXIS_S2MM"}
    for is_input in (True, False):
        for i, port in enumerate(p for p in build.ports if p.is_input == is_input):
            ends = {f"dma_{i}/{ways[is_input]}", f"accelerator/{port.name}"}
            assert ends in [set(bus) for bus in recording.buses]
    assert (max(p.word_bits for p in build.ports) == 256) == (net == "wide")
    interrupts = [n for n in recording.nets if "introut" in n[0]]
    assert len(interrupts) == len(build.ports)


def test_the_same_board_of_another_vendor_is_taken(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("one", "zedboard"))
    package(build, tmp_path / "p")
    _, recording = recorded(
        build, tmp_path / "p", boards=("em.avnet.com:zed:part0:1.4", "digilentinc.com:zedboard:part0:1.1")
    )
    assert recording.board_part == "digilentinc.com:zedboard:part0:1.1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"boards": ()},
            "does not know the board www.digilentinc.com:pynq-z1:part0:1.0. Install its board files: https://",
        ),
        ({"accelerator_built": False}, "run make ip"),
        ({"slack": "-0.250"}, "timing is not met by 0.25 ns at 100 MHz"),
    ],
)
def test_the_script_says_what_is_missing(
    given: dict[str, object], message: str, compiled: Callable[..., Path], tmp_path: Path
) -> None:
    build = load_build(compiled("one"))
    package(build, tmp_path / "p")
    assert message in recorded(build, tmp_path / "p", **given)[0]
    assert not (tmp_path / "p" / "overlay.bit").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("create_bd_design overlay", "create_bd_desing overlay", 'invalid command name "create_bd_desing"'),
        ("ip ip axi_intc ", "ip ip axi_intk ", "no IP xilinx.com:ip:axi_intk:*"),
        ("validate_bd_design", "validate_bd_design -now", "no switch -now"),
        ("create_bd_design overlay", "create_bd_design a b", "2 arguments"),
        ("CONFIG.c_include_sg 0", "CONFIG.c_include_gs 0", "axi_dma has no property CONFIG.c_include_gs"),
        ("c_sg_length_width 26", "c_sg_length_width 27", "cannot be 27"),
        ("net interrupt_controller/irq", "net interrupt_controller/irk", "no such pin: interrupt_controller/irk"),
        ("accelerator/ap_clk ", "", "accelerator/ap_clk has 0 drivers"),
        ("net $ps(reset) reset/ext_reset_in", "net interrupt_lines/dout reset/ext_reset_in", "are on one net"),
        ("C_IRQ_CONNECTION 1", "C_IRQ_CONNECTION 0", "no such pin: interrupt_controller/irq"),
        ("bus memory/M00_AXI $ps(memory)", "", "memory/M00_AXI is connected 0 times"),
        ("mm2s_tdata_width $width", "mm2s_tdata_width 32", "is not 64 bits wide"),
        ("data_width [larger 32 $width]", "data_width 32", "narrower than the stream"),
        ("$dmas * 0x10000", "$dmas * 0x100", "overlaps"),
        ("bus $ps(control) control/S00_AXI", "bus control/S00_AXI $ps(control)", "not from a master to a slave"),
        ("PSU__USE__M_AXI_GP2 0", "PSU__USE__M_AXI_GP2 1", "maxihpm0_lpd_aclk has 0 drivers"),
    ],
)
def test_the_recording_refuses_what_vivado_would(
    old: str, new: str, message: str, compiled: Callable[..., Path], tmp_path: Path
) -> None:
    build = load_build(compiled("demo", "zcu104"))
    package(build, tmp_path / "p")
    script = tmp_path / "p" / "build.tcl"
    text = script.read_text()
    assert old in text
    script.write_text(text.replace(old, new, 1))
    assert message in recorded(build, tmp_path / "p")[0]


def test_hls_script_runs_every_step(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("one"))
    package(build, tmp_path / "p")
    recording = Recording(streams(build), tmp_path / "p")
    assert recording.run(tmp_path / "p" / "hls" / "run_hls.tcl", "vitis_hls") == ""
    steps = [c[0] for c in recording.commands]
    assert steps[-4:] == ["csim_design", "csynth_design", "cosim_design", "export_design"]
    files = [w for c in recording.commands if c[0] == "add_files" for w in c[1:] if re.fullmatch(r"[\w.]+", w)]
    assert len(files) == 3 and all((tmp_path / "p" / "hls" / name).exists() for name in files)
    assert ("set_part", load_board("pynq-z1").part) in recording.commands


def test_a_board_without_vivado_files_brings_its_own_settings(compiled: Callable[..., Path], tmp_path: Path) -> None:
    text = (Path(__file__).parent / "own_board.toml").read_text()
    (tmp_path / "own.toml").write_text(text)
    build = load_build(compiled("one", str(tmp_path / "own.toml")))
    package(build, tmp_path / "p")
    message, recording = recorded(build, tmp_path / "p", boards=())
    assert message == "" and (recording.board_part, recording.preset) == ("", "0")
    assert recording.cells["ps"].properties["PCW_UIPARAM_DDR_PARTNO"] == "MT41K256M16 RE-125"
