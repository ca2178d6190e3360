"""A believable small service, a support desk for a software product, and nine weeks of its history."""
