"""Property tests run the same examples everywhere, however slow the machine."""

from hypothesis import settings

settings.register_profile("isobit", deadline=None, derandomize=True)
settings.load_profile("isobit")
