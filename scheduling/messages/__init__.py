"""Messages to patients about their visits, and what they answer."""
