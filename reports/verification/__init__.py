"""What a code printed on a document tells somebody without a login."""
