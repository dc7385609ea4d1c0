"""The app of the reference server: the operation, one step a method."""
