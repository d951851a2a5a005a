//! The one place where grants are enforced.
