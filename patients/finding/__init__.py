"""Finding a patient: what is indexed, what is searched, the list."""
