"""Sound that is brought into a session afterwards."""
