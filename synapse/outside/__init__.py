"""What left the house: every call that carries words or sound to somebody else's machine, recorded and never its content."""
