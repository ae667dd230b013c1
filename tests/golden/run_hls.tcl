# vitis_hls -f run_hls.tcl      (Vitis HLS 2020.2 to 2024.1)
open_project -reset vitis_hls
set_top isobit_top
add_files top.cpp -cflags "-std=c++14 -I."
add_files -tb tb.cpp -cflags "-std=c++14 -I. -Wno-unknown-pragmas"
add_files -tb tb_data
open_solution -reset solution -flow_target vivado
set_part xc7z020clg400-1
create_clock -period 10 -name default
csim_design -argv "tb_data tb_data"
csynth_design
cosim_design -argv "tb_data tb_data"
export_design -format ip_catalog
exit
