"""The entries every balance is a sum of, and what follows from them."""
