"""Tests of what spends the user's money, against the stand-in over HTTP."""
