"""What is sent about money, and the page behind its link."""
