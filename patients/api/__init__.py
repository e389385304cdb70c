"""Patients, what they agreed to, who may open their record, and its audit trail, for programs."""
