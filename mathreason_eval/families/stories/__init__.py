"""Word problems as data: records become templates, templates become stories with exact answers."""
