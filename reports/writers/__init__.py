"""A printed report in each format. A writer takes a PrintedReport and returns bytes; none decides what is said."""
