"""Training of the bundled networks, each recipe in a file of its own."""
