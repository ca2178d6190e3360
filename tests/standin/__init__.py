"""The stand-in, driven by the real SDK."""
