//! The change feed: what each commit touched, for subscribers and loops.
