"""What the clinic charged, took and is owed, by month."""
