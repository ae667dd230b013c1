"""Builds on disk: the folder, the manifest and what it promises."""
