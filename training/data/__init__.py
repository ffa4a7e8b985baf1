"""What the network learns from: readers, rendered rooms, and how they are fed to the trainer."""
