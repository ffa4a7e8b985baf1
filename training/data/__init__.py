"""What the network learns from: readers of every layout, and how images reach the trainer."""
