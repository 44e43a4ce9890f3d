//! Desired against observed: pure functions from facts to a plan.
