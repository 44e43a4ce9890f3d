//! The command line as a program of its own, with a server on a simulated host, and with a terminal
//! where it matters.

mod bind;
mod changes;
mod coming_from_rancher;
mod desk;
mod exec;
mod login;
mod logs;
mod tls;
mod verbs;
mod webhooks;
