"""Projects of other compilers beside the exact integers of their source: where they leave them, and by how much."""
