"""Background work: one function a job, ids in, one service call."""
