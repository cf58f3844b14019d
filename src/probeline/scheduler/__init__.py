"""`make repro JOBS=n`: DVC's pipeline, several stages at a time."""
