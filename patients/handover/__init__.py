"""Giving patients to a colleague, until a leave is over or for good."""
