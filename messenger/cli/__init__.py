"""The command line: the one door to everything, each command in its own file, imported late."""
