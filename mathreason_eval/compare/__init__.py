"""Two runs side by side: pairing, differences, flips, plans."""
