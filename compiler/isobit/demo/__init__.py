"""The embedded demo: a trained 4-bit digit classifier and its test images.

``model.onnx`` is the 64-64-32-10 network of ``examples/digits/train.py`` as QONNX (Brevitas, TorchScript exporter):
5-bit unsigned input with scale 1, 4-bit weights with one free scale per channel, BatchNorm, 4-bit ReLU, 8-bit output.
``samples.npz`` holds the test split that training never saw: ``x`` float32 [450, 64] with the grey levels 0..16, and
``y`` int64 [450], the digits. Both are written by ``python examples/digits/train.py --demo compiler/isobit/demo``.
The images are from the UCI "Optical Recognition of Handwritten Digits" data set (E. Alpaydin, C. Kaynak, CC BY 4.0),
as scikit-learn ships them.
"""

from pathlib import Path

MODEL = Path(__file__).with_name("model.onnx")
SAMPLES = Path(__file__).with_name("samples.npz")
