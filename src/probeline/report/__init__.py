"""What the summary publishes: tables, intervals, claims, figures, the scoreboard.

load.py reads what the stages left and measures it; runs, probes, sweeps, maps and lessons make tables of it; publish.py
writes all files.
"""
