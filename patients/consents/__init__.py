"""What a patient agreed to, in which words, asked how: in the room, by a link, on a tablet."""
