//! A tokio program: this test's own binary, executed again.
