"""Weights: recognised, stored, and bound to graphs; downloads."""
