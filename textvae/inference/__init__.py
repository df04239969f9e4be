"""Using a trained model: decoding, and style transfer of lines, files and streams."""
