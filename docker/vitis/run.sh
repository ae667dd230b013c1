#!/usr/bin/env bash
# A step of AMD's tools in a container that sees one project and your installation (read-only), and has no network.
#
#   XILINX=/tools/Xilinx docker/vitis/run.sh csynth build/hls
#   XILINX=/tools/Xilinx docker/vitis/run.sh vivado overlay
#
# Steps: csim csynth cosim export vivado (docker/vitis/steps.sh). Settings: XILINX the installation, VERSION one of several,
# LICENSE a licence file or port@host (the latter needs NETWORK=host), MEMORY (16g), ENGINE (docker), IMAGE (isobit-vitis).
# The command is printed before it runs.
set -euo pipefail

step=${1:?a step: csim csynth cosim export vivado}
project=$(realpath -e "${2:?the project folder}")
xilinx=$(realpath -e "${XILINX:?the folder of your Vitis and Vivado installation}")
engine=${ENGINE:-docker}
[[ $project$xilinx != *,* ]] || { echo "run.sh: engines mount no path with a comma in it" >&2; exit 2; }

# Its scripts hold absolute paths, so the installation is mounted where it is.
options=(--rm --init --read-only --network "${NETWORK:-none}" --cap-drop ALL --security-opt no-new-privileges
  --memory "${MEMORY:-16g}" --pids-limit 4096 --tmpfs /tmp:rw,exec,nosuid,nodev,size=4g,mode=1777
  --user "$(stat -c %u:%g "$project")" --env "XILINX=$xilinx" --env "VERSION=${VERSION:-}" --env HOME=/tmp
  --mount "type=bind,source=$xilinx,target=$xilinx,readonly" --mount "type=bind,source=$project,target=/project"
  --workdir /project)
case ${LICENSE:-} in
  '') ;;
  *@*) options+=(--env "XILINXD_LICENSE_FILE=$LICENSE") ;;
  *) options+=(--mount "type=bind,source=$(realpath -e "$LICENSE"),target=/licence.lic,readonly"
       --env XILINXD_LICENSE_FILE=/licence.lic) ;;
esac

echo "+ $engine run ${options[*]} ${IMAGE:-isobit-vitis} $step"
exec "$engine" run "${options[@]}" "${IMAGE:-isobit-vitis}" "$step"
