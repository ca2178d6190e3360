"""The return contract of capture: what a call gives, with llmwatch and without."""
