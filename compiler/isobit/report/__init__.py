"""What a build or a simulation found out, as text; every view shows the same result objects."""
