"""The fault loop: everything that may happen between a microphone and the disk, and the proof that nothing is lost."""
