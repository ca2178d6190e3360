"""Pure functions from rows to frozen results: no SQL, no files, no clock, nothing printed."""
