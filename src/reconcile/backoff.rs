//! How long to wait before a container that failed is tried again.
//!
//! The first try follows at once, then after 1 s, 2 s, 4 s and so on, never more than 120 s
//! (services.md, section 8).

/// Longest wait in milliseconds.
pub const MAX_MS: i64 = 120_000;

/// A container that ran this long starts counting its failures anew, milliseconds.
pub const RESET_MS: i64 = 600_000;

/// How long to wait after the last of so many failures in a row, milliseconds.
pub fn delay_ms(failures: u32) -> i64 {
    match failures {
        0 | 1 => 0,
        2..=8 => 1_000 << (failures - 2),
        _ => MAX_MS,
    }
}

/// Failures in a row after one more death: the count before it, and how long the container ran
/// (0 if it did not start), milliseconds.
pub fn after_death(failures: u32, ran_ms: i64) -> u32 {
    if ran_ms >= RESET_MS { 1 } else { failures.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_minutes() {
        let seconds: Vec<i64> = (0..12).map(|failures| delay_ms(failures) / 1_000).collect();
        assert_eq!(seconds, [0, 0, 1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
        assert_eq!(delay_ms(u32::MAX), MAX_MS);
    }

    #[test]
    fn ten_minutes_of_running_forgive_all_failures() {
        assert_eq!(after_death(0, 0), 1);
        assert_eq!(after_death(7, RESET_MS - 1), 8);
        assert_eq!(after_death(7, RESET_MS), 1);
        assert_eq!(after_death(u32::MAX, 0), u32::MAX);
    }
}
