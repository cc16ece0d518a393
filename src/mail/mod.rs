//! Messages and how they leave the house.
