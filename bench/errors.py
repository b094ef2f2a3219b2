"""What ends a measurement."""


class BenchError(Exception):
    """Something could not be measured: one line that says what is wrong and what would help."""
