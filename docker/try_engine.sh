#!/usr/bin/env bash
# A container engine for the tests, on a throw-away Debian machine that has none and can pull no image.
#
#   docker/try_engine.sh start [FOLDER]   installs Debian's Docker, makes a stand-in for the base image, starts a daemon;
#                                         prints the settings the tests need, to be eval'ed
#   docker/try_engine.sh stop [FOLDER]    ends that daemon and removes the folder
#
# The Dockerfiles stay as they are: only python:3.11-slim-bookworm is made here, with debootstrap, from the mirror that
# apt is configured with. Needs root. Exit status 3: this machine cannot run an engine (the reason is on stderr).
set -euo pipefail

action=${1:?start or stop}
state=${2:-${TMPDIR:-/tmp}/isobit-engine}
base=python:3.11-slim-bookworm

cannot() { echo "no container engine: $1" >&2; exit 3; }
engine() { DOCKER_HOST="unix://$state/docker.sock" docker "$@"; }

install_packages() {
  command -v dockerd >/dev/null && command -v debootstrap >/dev/null && return
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    docker.io runc debootstrap iptables || cannot "Debian's packages cannot be installed"
} >&2

start_daemon() {
  mkdir -p "$state"
  dockerd --data-root "$state/data" --exec-root "$state/exec" --pidfile "$state/pid" -H "unix://$state/docker.sock" \
    --iptables=false --ip6tables=false --bridge=none --storage-driver overlay2 >"$state/log" 2>&1 &
  for _ in $(seq 60); do
    engine info >/dev/null 2>&1 && return
    kill -0 $! 2>/dev/null || break
    sleep 0.5
  done
  cannot "dockerd does not start: $(tail -n 1 "$state/log")"
}

# What python:3.11-slim-bookworm offers to a Dockerfile: python, pip, certificates (this machine's own among them).
make_base() {
  engine image inspect "$base" >/dev/null 2>&1 && return
  local mirror root="$state/root"
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
  debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates bookworm "$root" "$mirror" \
    >"$state/debootstrap.log" 2>&1 || cannot "debootstrap: $(tail -n 1 "$state/debootstrap.log")"
  ln -sf python3 "$root/usr/bin/python"
  rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root"/var/cache/apt/archives/*.deb
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp -L {} "$root/usr/local/share/ca-certificates/" \;
  chroot "$root" update-ca-certificates >/dev/null 2>&1
  tar -C "$root" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
    engine import --change 'CMD ["python3"]' - "$base" >/dev/null
  rm -rf "$root"
}

start() {
  [ "$(id -u)" = 0 ] || cannot "only root can start one"
  [ -e /etc/debian_version ] || cannot "this is not Debian"
  install_packages
  start_daemon
  make_base >&2
  echo "export DOCKER_HOST=unix://$state/docker.sock DOCKER_BUILDKIT=0 ISOBIT_ENGINE=docker ISOBIT_ENGINE_BUILD='--network host'"
}

stop() {
  local pid
  if pid=$(cat "$state/pid" 2>/dev/null) && kill "$pid" 2>/dev/null; then
    while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
  fi
  # Nothing is removed while something is still mounted below.
  { grep -o " $state[^ ]*" /proc/mounts || true; } | sort -r | while read -r mount; do umount "$mount"; done
  rm -rf "$state"
}

"$action"
