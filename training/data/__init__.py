"""What the network learns from: readers of every layout, and how pictures reach the trainer."""
