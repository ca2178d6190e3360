"""stub"""


def purge() -> None:
    """Stub."""
