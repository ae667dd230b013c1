# vivado -mode batch -source build.tcl          (Vivado 2020.2 and newer; `make ip` before)
#
# Block design: the processing system, one AXI DMA for every input and output stream (the i-th input and the i-th output
# share the i-th DMA), SmartConnects for control and memory, an interrupt controller as PYNQ wants it.
# Writes overlay.bit, overlay.hwh and reports/.
set here [file dirname [file normalize [info script]]]
source [file join $here settings.tcl]

# The newest version of an IP in the catalogue.
proc ip {vendor_library name cell args} {
  create_bd_cell -type ip -vlnv xilinx.com:$vendor_library:$name:* $cell
  if {[llength $args] > 0} {
    set_property -dict $args [get_bd_cells $cell]
  }
}

proc pins {names} {
  set found {}
  foreach name $names {
    lappend found [get_bd_pins $name]
  }
  return $found
}

proc net {args} {
  connect_bd_net {*}[pins $args]
}

proc bus {from to} {
  connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}

proc larger {a b} {
  return [expr {$a > $b ? $a : $b}]
}

# The board part as named, or the same board of another vendor or version.
proc installed_board {wanted} {
  if {[llength [get_board_parts -quiet $wanted]] > 0} {
    return $wanted
  }
  set name [lindex [split $wanted :] 1]
  set others [lsort -dictionary [get_board_parts -quiet *:$name:part0:*]]
  if {[llength $others] == 0} {
    error "Vivado does not know the board $wanted. Install its board files: $::board_files"
  }
  puts "isobit: $wanted is not installed, taking [lindex $others end]"
  return [lindex $others end]
}

# Pins of the processing system, by role.
proc zynq7_pins {} {
  return {
    clock ps/FCLK_CLK0  reset ps/FCLK_RESET0_N  control ps/M_AXI_GP0  memory ps/S_AXI_HP0  interrupt ps/IRQ_F2P
    clocked {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK}  base 0x40400000  address_bits 32
  }
}

proc zynqmp_pins {} {
  return {
    clock ps/pl_clk0  reset ps/pl_resetn0  control ps/M_AXI_HPM0_FPD  memory ps/S_AXI_HP0_FPD
    interrupt ps/pl_ps_irq0  clocked {ps/maxihpm0_fpd_aclk ps/saxihp0_fpd_aclk}  base 0xA0000000  address_bits 64
  }
}

proc zynq7 {preset clock_mhz config} {
  ip ip processing_system7 ps
  apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config [list \
    make_external {FIXED_IO, DDR} apply_board_preset $preset Master Disable Slave Disable] [get_bd_cells ps]
  set_property -dict [list {*}$config \
    CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
    CONFIG.PCW_USE_FABRIC_INTERRUPT 1 CONFIG.PCW_IRQ_F2P_INTR 1 \
    CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_EN_RST0_PORT 1 \
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz] [get_bd_cells ps]
}

proc zynqmp {preset clock_mhz config} {
  ip ip zynq_ultra_ps_e ps
  apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config [list apply_board_preset $preset] \
    [get_bd_cells ps]
  set_property -dict [list {*}$config \
    CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
    CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__SAXIGP2__DATA_WIDTH 128 \
    CONFIG.PSU__USE__IRQ0 1 CONFIG.PSU__FPGA_PL0_ENABLE 1 \
    CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz] [get_bd_cells ps]
}

# DMA number i with the channels it needs; a channel is {stream width}, or empty. Direct register mode, PYNQ's simplest.
# Memory side: at least 32 bits and no narrower than the stream.
proc dma {i input output address_bits} {
  set config [list CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 CONFIG.c_addr_width $address_bits \
    CONFIG.c_include_mm2s [expr {[llength $input] > 0}] CONFIG.c_include_s2mm [expr {[llength $output] > 0}]]
  if {[llength $input] > 0} {
    set width [lindex $input 1]
    lappend config CONFIG.c_m_axis_mm2s_tdata_width $width CONFIG.c_m_axi_mm2s_data_width [larger 32 $width] \
      CONFIG.c_mm2s_burst_size 16
  }
  if {[llength $output] > 0} {
    lappend config CONFIG.c_m_axi_s2mm_data_width [larger 32 [lindex $output 1]] CONFIG.c_s2mm_burst_size 16
  }
  ip ip axi_dma dma_$i {*}$config
  if {[llength $input] > 0} {
    bus dma_$i/M_AXIS_MM2S accelerator/[lindex $input 0]
  }
  if {[llength $output] > 0} {
    bus accelerator/[lindex $output 0] dma_$i/S_AXIS_S2MM
  }
}

create_project -force overlay [file join $here vivado] -part $part
if {$board_part ne ""} {
  set_property board_part [installed_board $board_part] [current_project]
}
set_property ip_repo_paths [list [file join $here $repository]] [current_project]
update_ip_catalog
if {[llength [get_ipdefs -all $accelerator_ip:*]] == 0} {
  error "the accelerator's IP is not there yet: run make ip first"
}

create_bd_design overlay
$ps_kind [expr {$board_part ne ""}] $clock_mhz $ps_config
array set ps [${ps_kind}_pins]
create_bd_cell -type ip -vlnv $accelerator_ip:* accelerator
ip ip proc_sys_reset reset

set dmas [larger [expr {[llength $inputs] / 2}] [expr {[llength $outputs] / 2}]]
set masters {}
set interrupts {}
for {set i 0} {$i < $dmas} {incr i} {
  set input [lrange $inputs [expr {2 * $i}] [expr {2 * $i + 1}]]
  set output [lrange $outputs [expr {2 * $i}] [expr {2 * $i + 1}]]
  dma $i $input $output $ps(address_bits)
  foreach {channel present} [list mm2s $input s2mm $output] {
    if {[llength $present] > 0} {
      lappend masters dma_$i/M_AXI_[string toupper $channel]
      lappend interrupts dma_$i/${channel}_introut
      lappend ps(clocked) dma_$i/m_axi_${channel}_aclk
    }
  }
  lappend ps(clocked) dma_$i/s_axi_lite_aclk
}

# Control: the processing system's master to every DMA and the interrupt controller.
ip ip axi_intc interrupt_controller CONFIG.C_IRQ_CONNECTION 1
ip ip smartconnect control CONFIG.NUM_SI 1 CONFIG.NUM_MI [expr {$dmas + 1}] CONFIG.NUM_CLKS 1
bus $ps(control) control/S00_AXI
for {set i 0} {$i < $dmas} {incr i} {
  bus control/[format M%02d_AXI $i] dma_$i/S_AXI_LITE
}
bus control/[format M%02d_AXI $dmas] interrupt_controller/s_axi

# Memory: every DMA channel to the processing system's high-performance port.
ip ip smartconnect memory CONFIG.NUM_SI [llength $masters] CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 1
for {set i 0} {$i < [llength $masters]} {incr i} {
  bus [lindex $masters $i] memory/[format S%02d_AXI $i]
}
bus memory/M00_AXI $ps(memory)

ip ip xlconcat interrupt_lines CONFIG.NUM_PORTS [llength $interrupts]
for {set i 0} {$i < [llength $interrupts]} {incr i} {
  net [lindex $interrupts $i] interrupt_lines/In$i
}
net interrupt_lines/dout interrupt_controller/intr
net interrupt_controller/irq $ps(interrupt)

# One clock, one reset.
net $ps(clock) {*}$ps(clocked) accelerator/ap_clk reset/slowest_sync_clk control/aclk memory/aclk \
  interrupt_controller/s_axi_aclk
net $ps(reset) reset/ext_reset_in
net reset/interconnect_aresetn control/aresetn memory/aresetn
set resets {accelerator/ap_rst_n interrupt_controller/s_axi_aresetn}
for {set i 0} {$i < $dmas} {incr i} {
  lappend resets dma_$i/axi_resetn
}
net reset/peripheral_aresetn {*}$resets

# Control registers at fixed addresses, 64 KiB each; memory wherever the processing system has it.
for {set i 0} {$i < $dmas} {incr i} {
  assign_bd_address -offset [format 0x%08X [expr {$ps(base) + $i * 0x10000}]] -range 64K \
    -target_address_space [get_bd_addr_spaces ps/Data] [get_bd_addr_segs dma_$i/S_AXI_LITE/Reg]
}
assign_bd_address -offset [format 0x%08X [expr {$ps(base) + $dmas * 0x10000}]] -range 64K \
  -target_address_space [get_bd_addr_spaces ps/Data] [get_bd_addr_segs interrupt_controller/S_AXI/Reg]
assign_bd_address
validate_bd_design
save_bd_design

set design [get_files overlay.bd]
generate_target all $design
add_files -norecurse [make_wrapper -files $design -top]
set_property top overlay_wrapper [current_fileset]
update_compile_order -fileset sources_1

launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} {
  error "the implementation failed: see vivado/overlay.runs/impl_1/runme.log"
}
open_run impl_1
file mkdir [file join $here reports]
report_utilization -hierarchical -file [file join $here reports utilization.txt]
report_timing_summary -file [file join $here reports timing.txt]
report_power -file [file join $here reports power.txt]
set slack [get_property STATS.WNS [get_runs impl_1]]
if {$slack < 0} {
  error "timing is not met by [expr {-$slack}] ns at $clock_mhz MHz: see reports/timing.txt"
}

file copy -force [file join $here vivado overlay.runs impl_1 overlay_wrapper.bit] [file join $here overlay.bit]
set hwh [glob -nocomplain [file join $here vivado overlay.gen sources_1 bd overlay hw_handoff overlay.hwh] \
  [file join $here vivado overlay.srcs sources_1 bd overlay hw_handoff overlay.hwh]]
file copy -force [lindex $hwh 0] [file join $here overlay.hwh]
puts "isobit: overlay.bit and overlay.hwh written, $slack ns of slack at $clock_mhz MHz"
