"""Programs in other languages that ask a served store, and the lane that builds and runs them."""
