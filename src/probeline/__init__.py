"""Probeline measures image representations reproducibly. Each stage of dvc.yaml calls this library."""
