"""Every chunk of a recording, encrypted and durable on disk before the browser may forget it."""
