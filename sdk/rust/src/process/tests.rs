//! The connection against a scripted hub.
