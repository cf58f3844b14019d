"""Runs that start from other weights: transfers, and fine-tunings that go on from a probe."""
