"""The networks, one at a time and in batches, and their files."""
