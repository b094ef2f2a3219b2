"""What ours is held against: ceilings, and others' servers doing the same."""
