"""The system that this project began from, to measure beside."""
