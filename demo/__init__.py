"""The main use case end to end: camera, depth node and viewer, three processes over real DDS."""
