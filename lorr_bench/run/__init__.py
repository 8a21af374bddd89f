"""Run a plan: a driver, one worker process a lane, progress, report."""
