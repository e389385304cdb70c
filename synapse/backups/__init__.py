"""Copies of the whole installation, encrypted, and the proof that they bring it back."""
