"""ClientData: tells the agent who is calling, while the phone rings."""
