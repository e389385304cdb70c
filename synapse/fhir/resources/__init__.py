"""Rows as FHIR resources: pure functions from a row that was read to a plain dict."""
