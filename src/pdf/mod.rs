//! Documents as tagged PDF.
