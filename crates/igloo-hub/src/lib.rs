//! The home: instances, supervision, routing, the tree, watches and persistence.
