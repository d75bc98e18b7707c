"""From observations to verdicts: pure rules, one file a layer."""
