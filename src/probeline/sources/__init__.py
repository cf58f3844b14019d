"""Where bytes come from: places in order, digests, safe archives."""
