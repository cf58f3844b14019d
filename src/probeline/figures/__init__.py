"""Every figure, drawn from the files that the stages wrote."""
