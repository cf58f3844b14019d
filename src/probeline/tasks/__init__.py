"""Tasks: which images of a dataset are train, validation and test, and the format of data/tasks."""
