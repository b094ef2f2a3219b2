"""The measurements, one a file: each gives rows of the table."""
