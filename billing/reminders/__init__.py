"""Reminders of unpaid bills, and how far a bill is chased."""
