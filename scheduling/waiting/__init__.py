"""The waiting list, and times that came free."""
