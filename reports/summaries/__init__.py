"""The patient's summary of a signed report, in plain words."""
