"""Measurements. Not part of the tests: `make bench`."""
