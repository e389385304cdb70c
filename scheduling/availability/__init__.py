"""When a doctor can see somebody, and which times are free."""
