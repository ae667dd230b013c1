"""Synthesis of a build's RTL by Yosys: what every layer takes, beside its estimate."""
