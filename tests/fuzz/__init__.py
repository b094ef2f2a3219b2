"""Fuzzing: whatever bytes come where bytes are decoded, they are read or refused."""
