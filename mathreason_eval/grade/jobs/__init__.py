"""Work for whole processes: computer algebra, and rows side by side."""
