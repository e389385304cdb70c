"""An archive on its way back in: held against its manifest first, loaded as a new record afterwards."""
