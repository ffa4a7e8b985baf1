"""How fast the node is compared with a mere relay, and the network with other depth networks."""
