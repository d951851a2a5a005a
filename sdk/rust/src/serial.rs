//! Serial
