#!/bin/sh
# emlearn 0.23.2, scikit-learn 1.9.1 (gcc): a decision tree over integer features of 0 .. 7 or -8 .. -1, made C with its methods
# "inline" and "loadable" for features of float, int16_t and int32_t.
# One would expect integer comparisons that split the integers where scikit-learn does, which they can: x <= 2.5 is x < 3.
# Seen: the threshold is cut off and the comparison is strict, x < 2: each sample just below a split goes to the other child, a
# fourth of the samples to another class. Below zero, where cutting off rounds up, x < -2 for x <= -2.5 is right, and so is the
# tree with float features.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 scikit-learn==1.9.1 emlearn==0.23.2; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
cat >thresholds.py <<'PY'
from importlib.metadata import version

import emlearn
import numpy as np
from sklearn.tree import DecisionTreeClassifier

print("emlearn", version("emlearn"))
draw = np.random.default_rng(0)
for lowest in (0, -8):
    x = draw.integers(lowest, lowest + 8, (400, 3)).astype(float)
    y = (x[:, 0] + x[:, 1] > 2 * lowest + 7) + (x[:, 2] > x[:, 0]).astype(int)
    tree = DecisionTreeClassifier(random_state=0).fit(x, y)
    assert (tree.predict(x) == y).all()
    for method, dtype in (("inline", "float"), ("inline", "int16_t"), ("inline", "int32_t"), ("loadable", "int16_t")):
        model = emlearn.convert(tree, method=method, dtype=dtype)
        differ = np.asarray(model.predict(x)).ravel() != y
        print(f"integers from {lowest}: {method}, {dtype}: {differ.sum()} of {len(x)} differ")
        assert differ.any() == (dtype != "float" and lowest == 0)

x = np.arange(8.0)[:, None]
tree = DecisionTreeClassifier().fit(x, x[:, 0] >= 3)
model = emlearn.convert(tree, method="inline", dtype="int16_t")
print("split at", tree.tree_.threshold[0], "- scikit-learn", tree.predict(x).astype(int), "emlearn", np.asarray(model.predict(x)))
assert "features[0] < 2)" in model.save(name="split", format="c")
assert np.array_equal(model.predict(x), x[:, 0] >= 2)
PY
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" -W ignore thresholds.py
