//! Providers without an SDK.
