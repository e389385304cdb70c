"""What one patient was billed, paid and owes."""
