"""Right values worked out by hand, of figures whose parts add up whatever they are."""
