//! The command line as a program of its own, with a server on a simulated host, and with a terminal
//! where it matters.

mod desk;
mod login;
mod tls;
