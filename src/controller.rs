//! The reconcile loop: reads facts, asks `reconcile` and `scheduler`, writes rows and processes.
