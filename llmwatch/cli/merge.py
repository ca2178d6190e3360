"""stub"""


def merge() -> None:
    """Stub."""
