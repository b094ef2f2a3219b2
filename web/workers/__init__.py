"""Several web processes on one machine: one supervisor, and workers that each serve on their own."""
