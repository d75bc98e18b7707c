"""From verdicts to the next step a person can take."""
