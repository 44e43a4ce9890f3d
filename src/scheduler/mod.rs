//! Placement: filters that explain themselves, then scores. Pure.
