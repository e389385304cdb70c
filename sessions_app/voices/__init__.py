"""A practitioner's own voice profile."""
