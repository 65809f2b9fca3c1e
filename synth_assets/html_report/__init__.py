"""A day as one HTML page, and a month as an index of them: what is known of a day becomes text, and nothing is read."""
