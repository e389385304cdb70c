"""The fee schedule, and how the clinic bills."""
