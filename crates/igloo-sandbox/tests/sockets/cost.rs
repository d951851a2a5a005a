//! What the broker costs, and that it keeps nothing.
