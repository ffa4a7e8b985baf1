"""Pictures as bytes: a camera's encodings, compressed pictures, files that people look at."""
