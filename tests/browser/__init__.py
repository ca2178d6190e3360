"""Tests that look at pages in headless Chromium; skipped where it is not installed."""
