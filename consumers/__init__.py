"""Consumer groups on the log: the package for programs of others (consumer.py), and what the worker
runs: the projector and its view, redelivery, the sweeper."""
