#!/bin/sh
# conifer 1.11, xgboost-cpu 3.2.0, headers of da4ml 0.6.0: a boosted tree on an integer feature, on conifer's Forest Processing Unit (FPU).
# One would expect a sample to go where XGBoost sends it: to the left below the threshold, as conifer's model of it says.
# Seen: the FPU compares with <= whatever the model's splitting convention is, so that what lies on a threshold goes to the other
# side. Thresholds of XGBoost's default method are values of the data: with integer features there are samples on every one.
# conifer's Python backend is right. The FPU's C++ and its test bench are the package's own, as it writes them.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in conifer==1.11 xgboost-cpu==3.2.0 pandas==2.3.3 scipy==1.16.3; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
"$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$work" da4ml==0.6.0
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
"$work/venv/bin/python" -m zipfile -e da4ml-*.whl da4ml
mv da4ml/da4ml/codegen/hls/source/ap_types/include ap_types
"$work/venv/bin/python" -W ignore - <<'PY'
import logging
import subprocess
from importlib.metadata import version
from pathlib import Path

import conifer
import numpy as np
import xgboost
from conifer.backends.fpu.writer import FPUBuilder, FPUBuilderConfig, FPUModelConfig

logging.disable(logging.WARNING)
feature = np.arange(8, dtype=np.float32)[:, None]
data = xgboost.DMatrix(feature.repeat(20, 0), feature.repeat(20, 0)[:, 0] >= 4)
booster = xgboost.train({"objective": "binary:logistic", "max_depth": 1, "base_score": 0.5}, data, 1)

sizes = {"nodes": 16, "tree_engines": 1, "roots": 1, "features": 1}
configuration = FPUModelConfig.default_config()
configuration.update(backend="fpu", fpu={**configuration["fpu"], **sizes}, output_dir="fpu", project_name="fpu")
model = conifer.converters.convert_from_xgboost(booster, configuration)
builder = FPUBuilder({**FPUBuilderConfig.default_config(), **sizes, "output_dir": "fpu", "project_name": "fpu", "backend": "fpu_builder"})
builder.write()
builder.write_testbench_data(model, feature)
compile_it = ["g++", "-std=c++17", "-w", "-DFPU_TOP=FPU_Zynq", "-I../ap_types", "-I.", "fpu.cpp", "fpu_tb.cpp", "-o", "bench"]
subprocess.run(compile_it, cwd="fpu", check=True)
subprocess.run(["./bench"], cwd="fpu", check=True, stdout=subprocess.DEVNULL)

python = conifer.converters.convert_from_xgboost(booster, {"backend": "py", "output_dir": "py", "project_name": "py"})
right = {
    "xgboost": booster.predict(xgboost.DMatrix(feature), output_margin=True),
    "conifer py": np.ravel(python.decision_function(feature)),
    "conifer FPU": np.array(Path("fpu/tb_data/y.dat").read_text().split(), float),
}
split = booster.get_dump()[0].splitlines()[0].strip()
print(f"conifer {version('conifer')}, xgboost {xgboost.__version__}; convention {model.splitting_convention!r}; {split}")
for name, scores in right.items():
    print(f"{name:12}", ["left" if score < 0 else "right" for score in scores])
assert model.splitting_convention == "<" and "[f0<4]" in split
expected = [False] * 4 + [True] * 4
assert [(scores > 0).tolist() for scores in right.values()] == [expected, expected, [False] * 5 + [True] * 3]
PY
