"""`make verify`: whether the numbers that this machine's run has written are those in Git.

git.py reads the files of a revision, asked.py finds the entries that were asked something else by then, numbers.py
takes files apart. tables.py is the table that names a rule of rules.py for every number; evidence.py and noise.py know
how far it may be off. judge.py says which are the same, and told.py says so in lines.
"""
