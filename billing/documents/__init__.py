"""What is printed about money: one sheet each, one way to a PDF."""
