"""How fast the node is beside a mere relay, and the network beside other depth networks."""
