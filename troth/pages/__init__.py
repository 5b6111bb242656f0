"""Pages for people: one HTML file that refers to nothing outside itself, in one look."""
