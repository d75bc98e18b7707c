"""One file a layer: each probe measures one step and records it as an observation; none of them judges."""
