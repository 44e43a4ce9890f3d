//! SQLite: the only layer with SQL. One writer thread that groups commits, a pool of readers.
