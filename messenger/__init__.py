"""Messenger: a messenger whose messages are gone on time."""

__version__ = "0.1.0"
