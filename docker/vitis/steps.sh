#!/usr/bin/env bash
# One step of AMD's tools on a generated project. Every command is printed, with a plus sign, before it runs.
#
#   isobit-vitis csim      C simulation of the project's test bench
#   isobit-vitis csynth    synthesis to RTL, with its report
#   isobit-vitis cosim     synthesis, then the RTL against the test bench
#   isobit-vitis export    synthesis, then the IP for Vivado
#   isobit-vitis vivado    bitstream and hwh of a PYNQ package (isobit package)
#
# The working folder is a build (isobit compile -o), its hls/ or a PYNQ package. $XILINX is the installation's folder,
# $VERSION one of several versions in it (the newest without). Vitis 2023.2 and newer is driven by v++ and vitis-run,
# older ones by vitis_hls.
set -euo pipefail

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
fail() { echo "isobit-vitis: $1" >&2; exit 2; }
run() { echo "+ $*"; "$@"; }

use_tools() {
  local version=${VERSION:-} settings
  [ -d "${XILINX:-}" ] || fail "XILINX is not a folder: mount your installation and name it"
  [ -n "$version" ] || version=$(find "$XILINX" -maxdepth 3 -name settings64.sh | grep -oE '20[0-9]{2}\.[0-9]+' | sort -Vu | tail -n 1)
  [ -n "$version" ] || fail "no settings64.sh in $XILINX"
  for settings in "$XILINX"/{Vitis,Vitis_HLS,Vivado}/"$version"/settings64.sh "$XILINX/$version"/{Vitis,Vivado}/settings64.sh; do
    [ -f "$settings" ] || continue
    echo "+ source $settings"
    # The vendor's scripts read variables that are not set.
    set +u; . "$settings"; set -u
  done
}

# v++ and vitis-run keep their results in vitis/, so that a step can build on an earlier one.
modern() {
  local common=(--config hls_config.cfg --work_dir vitis)
  [ "$1" = csim ] || run v++ -c --mode hls "${common[@]}"
  case $1 in
    csim) run vitis-run --mode hls --csim "${common[@]}" ;;
    cosim) run vitis-run --mode hls --cosim "${common[@]}" ;;
    export) run vitis-run --mode hls --package "${common[@]}" ;;
  esac
}

# run_hls.tcl with the steps that are not asked for left out.
classic() {
  local wanted=csynth script
  case $1 in csim) wanted=csim ;; cosim | export) wanted="csynth|$1" ;; esac
  script=$(mktemp --suffix .tcl)
  awk -v wanted="^($wanted)_design" '!/^(csim|csynth|cosim|export)_design/ || $0 ~ wanted' run_hls.tcl >"$script"
  grep -E '_design' "$script" | sed 's/^/# /'
  run vitis_hls -f "$script"
}

hls() {
  [ -f hls_config.cfg ] || cd hls 2>/dev/null && [ -f hls_config.cfg ] || fail "no project: neither hls_config.cfg nor hls/"
  use_tools
  if command -v vitis-run >/dev/null; then modern "$1"
  elif command -v vitis_hls >/dev/null; then classic "$1"
  else fail "neither vitis-run nor vitis_hls in $XILINX"; fi
}

bitstream() {
  [ -f build.tcl ] || fail "no build.tcl: make a package with isobit package"
  use_tools
  command -v vivado >/dev/null || fail "no vivado in $XILINX"
  run vivado -mode batch -source build.tcl -journal vivado.jou -log vivado.log
}

case ${1:-help} in
  csim | csynth | cosim | export) hls "$1" ;;
  vivado) bitstream ;;
  *) usage ;;
esac
