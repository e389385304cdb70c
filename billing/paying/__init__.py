"""Money that comes in, goes back or is taken off."""
