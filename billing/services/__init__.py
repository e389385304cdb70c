"""What is done with bills and money, one module for each part of the work."""
