//! What the answers of a container to its health check make of its health (containers.md, section 8).

use super::facts::Health;

/// How a container is checked, in milliseconds and answers in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// From one question to the next.
    pub interval_ms: u64,
    /// Until an answer counts as none.
    pub timeout_ms: u64,
    /// Good answers that make it healthy.
    pub healthy: u32,
    /// Bad answers that make it unhealthy.
    pub unhealthy: u32,
    /// How long its first start may take; without, for ever.
    pub initializing_ms: Option<u64>,
    /// How long a later start may take; without, for ever.
    pub reinitializing_ms: Option<u64>,
    /// Whether one that takes longer is removed: every strategy but `none`.
    pub replaces: bool,
}

/// Rancher's choices for what a check does not say.
impl Default for Check {
    fn default() -> Self {
        Self {
            interval_ms: 2000,
            timeout_ms: 2000,
            healthy: 2,
            unhealthy: 3,
            initializing_ms: None,
            reinitializing_ms: None,
            replaces: true,
        }
    }
}

/// An answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// As it should be.
    Up,
    /// Wrong, or none in time.
    Down,
}

/// Equal answers in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    up: u32,
    down: u32,
}

impl Tally {
    /// Counts an answer; the health it leads to, if that is another.
    ///
    /// A container that has not been healthy since its start is never unhealthy: bad answers only keep
    /// it waiting.
    pub fn hear(&mut self, health: Health, said: Said, check: &Check) -> Option<Health> {
        match said {
            Said::Up => *self = Self { up: self.up.saturating_add(1), down: 0 },
            Said::Down => *self = Self { up: 0, down: self.down.saturating_add(1) },
        }
        match health {
            Health::Healthy => (self.down >= check.unhealthy.max(1)).then_some(Health::Unhealthy),
            Health::Initializing | Health::Reinitializing | Health::Unhealthy => {
                (self.up >= check.healthy.max(1)).then_some(Health::Healthy)
            }
        }
    }
}

/// Whether a container has taken too long to become healthy after its start.
pub fn is_overdue(health: Health, started_ms: i64, now_ms: i64, check: &Check) -> bool {
    let limit = match health {
        Health::Initializing => check.initializing_ms,
        Health::Reinitializing => check.reinitializing_ms,
        Health::Healthy | Health::Unhealthy => None,
    };
    limit.filter(|_| check.replaces).is_some_and(|limit| {
        now_ms.saturating_sub(started_ms) > i64::try_from(limit).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers as `+` and `-`; the health after each.
    fn check(from: Health, answers: &str, expect: &str) {
        let (mut tally, mut health) = (Tally::default(), from);
        let seen: String = answers
            .chars()
            .map(|answer| {
                let said = if answer == '+' { Said::Up } else { Said::Down };
                if let Some(next) = tally.hear(health, said, &Check::default()) {
                    health = next;
                }
                match health {
                    Health::Initializing => 'i',
                    Health::Reinitializing => 'r',
                    Health::Healthy => 'h',
                    Health::Unhealthy => 'u',
                }
            })
            .collect();
        assert_eq!(seen, expect, "{from:?} {answers}");
    }

    #[test]
    fn answers_in_a_row_decide() {
        check(Health::Initializing, "-----+-++", "iiiiiiiih");
        check(Health::Reinitializing, "---++", "rrrrh");
        check(Health::Healthy, "--+---", "hhhhhu");
        check(Health::Unhealthy, "+-++", "uuuh");
        check(Health::Healthy, "---+---++", "hhuuuuuuh");
    }

    #[test]
    fn a_start_may_take_its_time_and_no_longer() {
        let limited =
            Check { initializing_ms: Some(100), reinitializing_ms: Some(50), ..Check::default() };
        for (health, after, check, expect) in [
            (Health::Initializing, 100, limited, false),
            (Health::Initializing, 101, limited, true),
            (Health::Reinitializing, 51, limited, true),
            (Health::Healthy, 999, limited, false),
            (Health::Unhealthy, 999, limited, false),
            (Health::Initializing, 999, Check::default(), false),
            (Health::Initializing, 999, Check { replaces: false, ..limited }, false),
        ] {
            assert_eq!(
                is_overdue(health, 1000, 1000 + after, &check),
                expect,
                "{health:?} {after}"
            );
        }
    }
}
