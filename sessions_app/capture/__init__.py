"""What happens at the socket while a recorder sends: who is there, what a frame means, what is acknowledged."""
