"""Programs that make load, each in a process of its own, which tells how much of a core it used."""
