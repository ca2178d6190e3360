"""Owns the way from the store to the figures of each subject: queries by name, analysis, what is kept of its results.

One module per subject, used by the commands and by `serve` alike, so that no two places compute one figure. Never
prints, never renders, never spends money.
"""
