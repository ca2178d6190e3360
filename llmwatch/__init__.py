"""Which customers and tasks lose money on OpenAI calls, which got worse, where a cheaper model is good enough."""
