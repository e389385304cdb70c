"""The close of the clinic's day."""
