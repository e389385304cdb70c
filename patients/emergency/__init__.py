"""Break the glass: one patient's record, opened for an hour to a doctor who does not treat them."""
