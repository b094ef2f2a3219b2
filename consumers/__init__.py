"""Reading the log with a consumer group: the projector and its view, redelivery, the sweeper."""
