"""Calendars outside: those that read ours, and those we read."""
