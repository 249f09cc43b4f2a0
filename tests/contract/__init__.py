"""Files that others build on: they stay valid and say what is there."""
