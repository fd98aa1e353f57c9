//! inkle
