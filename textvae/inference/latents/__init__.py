"""Uses of a latent space: vectors of sentences, sentences of vectors, and what is done with both."""
