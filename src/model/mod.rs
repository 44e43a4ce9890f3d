//! Pure data: resource types, their fields, lifecycles and values. No async, clock, randomness, SQL or HTTP.
