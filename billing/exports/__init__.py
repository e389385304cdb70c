"""Files that leave billing: bills, movements of money, the journal."""
