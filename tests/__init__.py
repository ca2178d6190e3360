"""Tests: they mirror llmwatch/, and drive real parts."""
