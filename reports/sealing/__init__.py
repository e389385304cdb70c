"""Signatures, their seals and their chain, and what may follow them."""
