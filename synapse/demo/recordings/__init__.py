"""Short consultations read by two synthetic voices, with their exact texts (see NOTICE)."""
