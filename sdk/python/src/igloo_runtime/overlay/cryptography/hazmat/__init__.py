"""Primitives, without a net."""
