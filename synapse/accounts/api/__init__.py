"""Signing in, tokens and one's own profile under `/api/v1/`."""
