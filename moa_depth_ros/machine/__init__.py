"""What the process asks of the machine that it runs on: its cores, its memory."""
