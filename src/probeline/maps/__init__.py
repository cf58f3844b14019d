"""t-SNE maps of embeddings, and how far to trust them."""
