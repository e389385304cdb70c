"""The list of bills, and work with many of them at once."""
