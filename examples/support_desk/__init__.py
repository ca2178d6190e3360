"""A believable small service, a support desk for a software product, and five weeks of its history."""
