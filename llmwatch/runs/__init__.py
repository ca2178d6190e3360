"""Owns what spends the user's money: shadow and judge. Plans are pure and printable; only executing one imports openai.

Dry by default, capped, resumable after any death: what was sent is on disk before it is sent, what came back before it
is counted.
"""
