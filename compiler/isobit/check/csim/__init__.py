"""Verdict 1: the generated C++, compiled and run, against the interpreter."""
