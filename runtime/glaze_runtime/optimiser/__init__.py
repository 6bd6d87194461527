"""The optimiser: objective, views, transforms, visibility budget, and the network that takes the steps."""
