"""The fault suite: a messenger under load, a nemesis by a seed, a checker that reads all back."""
