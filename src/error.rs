//! The error table: every code a client can see, with its status.
