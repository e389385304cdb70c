"""Codes of services, diagnoses, places and modifiers: the tables, the search, the fields."""
