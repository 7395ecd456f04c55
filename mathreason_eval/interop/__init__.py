"""Records of other harnesses in and out."""
