"""What training, embedding, probes and sweeps share: the device, the images on it, one pass through a network."""
