"""Cases: the requests that a run sends, how they are made, and the plan of a run."""
