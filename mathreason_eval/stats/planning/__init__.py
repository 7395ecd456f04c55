"""Power, and what a future run needs."""
