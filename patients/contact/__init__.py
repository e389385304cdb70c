"""How a patient is written to: by which way, in which language, at which number."""
