"""Images as bytes: a camera's encodings, compressed images, files that people look at."""
