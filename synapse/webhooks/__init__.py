"""Events out: signed messages to programs outside when something happened here, by ids alone."""
