"""The frameworks that people call OpenAI through, as real packages, where they are installed."""
