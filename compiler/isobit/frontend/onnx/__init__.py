"""ONNX files as bytes: parsed, checked, and handed on as a plain, immutable view. Nothing is quantised here."""
