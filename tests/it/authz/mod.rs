//! Who may do what, called and not only declared: every route, verb, action and link with every kind of
//! caller, every id and reference of one environment used from another, and every field's letters.
//!
//! What is expected comes from `tests/golden/policy.<role>.txt`, which people review, not from the code
//! that decides.

mod callers;
mod ground;
mod plant;
mod table;
mod wanted;

mod bodies;
mod fields;
mod routes;
mod strangers;
mod verbs;
