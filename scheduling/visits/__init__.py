"""Booking a visit, and what is done with one that is booked."""
