"""Measures ours beside its ceilings and peers, in one run: `make bench`."""
