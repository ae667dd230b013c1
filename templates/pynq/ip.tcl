# vivado -mode batch -source ip.tcl          (Vivado 2020.2 and newer)
#
# Packages rtl/ as the IP that build.tcl takes: one clock, one reset, an AXI stream for every input and output. Its top is
# Verilog, since the packager takes no SystemVerilog there (UG1118). Writes ip/.
set here [file dirname [file normalize [info script]]]
source [file join $here settings.tcl]

create_project -force isobit_ip [file join $here vivado_ip] -part $part
add_files -norecurse [glob [file join $here rtl *.v] [file join $here rtl *.sv]]
# What $readmemh reads travels with the IP only as a memory file.
set memories [glob -nocomplain [file join $here rtl *.hex]]
if {[llength $memories] > 0} {
  add_files -norecurse $memories
  set_property file_type {Memory Initialization Files} [get_files *.hex]
}
set_property top isobit_ip [current_fileset]
update_compile_order -fileset sources_1

lassign [split $accelerator_ip :] vendor library name
ipx::package_project -force -import_files -root_dir [file join $here $repository] -vendor $vendor -library $library \
  -taxonomy /UserIP
set core [ipx::current_core]
set_property name $name $core
set_property version 1.0 $core
foreach {stream width} [concat $inputs $outputs] {
  if {[llength [ipx::get_bus_interfaces -quiet $stream -of_objects $core]] == 0} {
    error "Vivado does not take the ports ${stream}_T... for an AXI stream"
  }
  ipx::associate_bus_interfaces -busif $stream -clock ap_clk $core
}
ipx::associate_bus_interfaces -clock ap_clk -reset ap_rst_n $core
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
