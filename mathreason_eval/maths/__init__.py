"""Do these two texts mean the same? Pure, and knows no benchmark."""
