"""What stages leave for the summary, below data/results: typed records, each format with its one writer and one reader.

    data/results/<stage>/<name>/        what the stage measured, whole and unrounded; docs/outputs.md lists all files

Tables and figures are made of it, so that their code retrains nothing.
"""
