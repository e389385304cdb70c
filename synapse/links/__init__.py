"""Links for people who have no account: the parts every such link shares. Each app keeps its own rows and rules."""
