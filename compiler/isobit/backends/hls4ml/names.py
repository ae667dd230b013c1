"""Where an hls4ml project lies in a build, and what its top function is called."""

PROJECT = "hls4ml"
TOP = "isobit_network"
TESTBENCH = "isobit_tb.cpp"
PLAN = "plan.toml"
