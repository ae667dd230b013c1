"""The float32 execution of the source, and which of its differences are ties."""
