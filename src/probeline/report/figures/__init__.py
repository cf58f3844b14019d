"""Every figure: one module for each kind, whose functions return a matplotlib Figure. drawing.py writes it as a PNG.

A figure is a function of its arguments, of its module and of what that imports from this package: drawing.py draws
again when one of them changed, and not when another module did. So nothing of the library is imported here when it
runs, apart from this package and `probeline.pipeline.files`.
"""
