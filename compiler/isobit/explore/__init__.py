"""A search over what a user's model and its build leave open: accuracy against resources, in parallel, resumable."""
