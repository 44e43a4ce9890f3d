//! Who is calling and what they may do: callers, sessions, keys and the policy table.
