"""Visits, free times, and when doctors work, for programs."""
