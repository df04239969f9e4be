"""What a hierarchical VAE has put where: its bound, verification of documents, factors swapped between documents."""
