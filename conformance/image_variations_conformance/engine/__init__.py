"""The engine: sends the cases of a run through a source and turns findings into verdicts."""
