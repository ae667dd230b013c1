# Read by every script of this folder: fresh_venv PACKAGE==VERSION... makes a virtual environment in a temporary folder
# that goes when the script ends, and sets $python; $here is this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
fresh_venv() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m venv "$work/venv"
    for package in "$@"; do # one by one: a torch that is pinned first keeps the others from asking for another
        "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
    done
    python="$work/venv/bin/python"
    export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
}
