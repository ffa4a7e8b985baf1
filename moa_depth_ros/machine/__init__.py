"""What concerns the machine: its cores, its memory, whole files, lines on the terminal."""
