"""What a doctor's edits have in common."""
