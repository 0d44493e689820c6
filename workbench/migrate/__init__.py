"""Recorded, reversible rewrites of what a project holds: planned, applied whole or not at all, taken back later."""
