"""Who looks after access: the trail in words, alerts, disclosures, incidents, business associates."""
