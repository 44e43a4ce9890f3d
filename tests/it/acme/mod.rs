//! Certificates from an ACME server: when one is asked for, and everything with a real server.

mod pebble;
mod when;
