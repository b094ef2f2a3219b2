"""Slow and hostile clients against a real `messenger up`: what the others feel, and what it costs."""
