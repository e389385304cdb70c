"""Bills and the ledger, for programs."""
