"""Encoders: a network without its head, the vectors that it makes of images, and their format."""
