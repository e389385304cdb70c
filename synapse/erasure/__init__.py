"""Erasing patients, and how long everything is kept."""
