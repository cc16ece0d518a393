//! Messages, one function each.
