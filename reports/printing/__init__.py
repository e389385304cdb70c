"""A report as it is printed or exported, before any format; the formats are in `writers`."""
