"""A bill before it is sent: what is charged and why, and the page it is changed on."""
