"""A long life under load and every harm now and then: at its end nothing has grown."""
