"""Records that come in from elsewhere or go out whole."""
