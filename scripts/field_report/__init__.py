"""Runs the suite on servers by other authors, and writes what it found."""
