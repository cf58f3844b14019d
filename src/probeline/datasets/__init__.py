"""Kinds of dataset, one file for each: its specification, and how it is read.

The name of a file is the `kind` of an entry of `datasets` in params.yaml. A module whose name begins with `_` is no
kind, but what the kinds share. To add a kind, add a file with these two:

    Spec                        a `params.Spec` with the key `kind` and keys of its own
    read(spec, name) -> Raw     the images and labels; `name` is that of the entry, for messages and downloads

A mistake at a key of the entry is a `ParamError`; its key counts from the entry, as "path".
"""
