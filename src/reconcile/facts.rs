//! What the planner is told: what is wanted of one service, and what there is of it.

/// What is wanted of one service.
#[derive(Clone, Debug)]
pub struct Desired<'a> {
    /// The service's uuid: deployment units derive theirs from it.
    pub service_uuid: &'a str,
    /// Name of its stack.
    pub stack_name: &'a str,
    /// Its name.
    pub service_name: &'a str,
    /// How many units, or on which hosts.
    pub scale: Scale,
    /// Launch configurations, in any order; exactly one is the primary.
    pub configs: Vec<Config>,
    /// What the service is doing.
    pub mode: Mode,
    /// How units with an outdated version are replaced.
    pub rollout: Rollout,
    /// What happens to unhealthy units.
    pub strategy: Strategy,
    /// When something last changed that may let a failed start succeed (a host joined, a label
    /// changed, the service was edited), milliseconds since 1970; 0 for never. Failed starts from
    /// before are tried again at once instead of after their back-off.
    pub retry_since: i64,
}

/// How many deployment units a service has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many, wherever the scheduler puts them.
    Fixed(u32),
    /// One on each of these hosts (ids of hosts that are eligible and match).
    Global(Vec<i64>),
}

/// One launch configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `None` for the primary, else the sidekick's name.
    pub name: Option<String>,
    /// Containers of another version are outdated.
    pub version: String,
    /// Positions in [`Desired::configs`] whose volumes or network it uses.
    pub after: Vec<usize>,
    /// The one of `after` whose network it shares: when that one restarts, so must this.
    pub network_of: Option<usize>,
    /// Label `io.rancher.container.start_once`: having run once is enough.
    pub start_once: bool,
}

/// What a service is doing, as far as its containers are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Any of the active-like states of services.md, section 2.
    Running,
    /// Deactivating or inactive: containers are stopped and kept.
    Stopped,
    /// Removing: nothing may be left.
    Removed,
    /// Running, and every container started before `since` is restarted, some units at a time.
    Restarting {
        /// When the restart was asked for, milliseconds since 1970.
        since: i64,
        /// Units at a time; 0 counts as 1.
        batch: u32,
        /// Pause after a batch, milliseconds.
        interval_ms: i64,
    },
}

/// How outdated units are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Units at a time; 0 counts as 1.
    pub batch: u32,
    /// Pause after a batch, milliseconds.
    pub interval_ms: i64,
    /// Whether the old or the new containers come first.
    pub order: Order,
    /// What becomes of the old containers.
    pub old: Old,
    /// When the next units begin.
    pub pace: Pace,
    /// How long the new version has to become healthy; without one it has for ever.
    pub gate: Option<Gate>,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            batch: 1,
            interval_ms: 0,
            order: Order::StopFirst,
            old: Old::Remove,
            pace: Pace::Batches,
            gate: None,
        }
    }
}

impl Rollout {
    /// Whether the service has settled only once its new containers are healthy: while it upgrades.
    pub fn until_healthy(&self) -> bool {
        self.pace == Pace::Batches && self.old == Old::Retire
    }
}

/// When outdated units begin to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Some at a time, once those before them are ready.
    Batches,
    /// All at once, whatever state others are in: an upgrade is taken back.
    AtOnce,
    /// Not at all: an upgrade was cancelled. Those that have begun are seen through.
    Held,
}

/// Makes an upgrade take itself back when its new version is not healthy in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// When the upgrade began, milliseconds since 1970.
    pub since: i64,
    /// How long each batch has, milliseconds.
    pub within_ms: i64,
}

/// What comes first when a unit is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The old containers go, then new ones are made.
    StopFirst,
    /// New containers are made; the old ones go once those are running and healthy.
    StartFirst,
}

/// What becomes of replaced containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// They are removed, and so are containers retired before.
    Remove,
    /// They are stopped and kept until the upgrade is finished or rolled back.
    Retire,
}

/// What happens to unhealthy units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Nothing.
    None,
    /// They are replaced.
    #[default]
    Recreate,
    /// They are replaced if at least so many units are healthy.
    RecreateOnQuorum(u32),
}

/// One container of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Row id. Of two containers the one with the larger id was made later.
    pub id: i64,
    /// Uuid of its deployment unit.
    pub unit: String,
    /// Index of its unit, 1 or more.
    pub index: u32,
    /// `None` for the primary, else the sidekick's name.
    pub config: Option<String>,
    /// Version of the launch configuration it was made from.
    pub version: String,
    /// What it is doing.
    pub state: MemberState,
    /// `None` if it has no health check.
    pub health: Option<Health>,
    /// The host it is on, or was requested for.
    pub host_id: Option<i64>,
    /// What is known of that host; `Active` while there is none.
    pub host: HostState,
    /// It has been started successfully at least once.
    pub started_once: bool,
    /// When it was last started successfully, milliseconds since 1970.
    pub started_at: Option<i64>,
    /// How it last ended.
    pub exit_code: Option<i64>,
    /// Deaths or failed starts in a row, see [`super::backoff::after_death`].
    pub failures: u32,
    /// When it last died or failed to start, milliseconds since 1970.
    pub died_at: Option<i64>,
    /// What went wrong last, in words.
    pub message: Option<String>,
    /// An upgrade has put it aside ([`Old::Retire`]): it is no longer counted.
    pub retired: bool,
    /// It is stopped, and a container that stays has one of its ports meanwhile: it cannot start where
    /// it is.
    pub displaced: bool,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// Being made, or about to be.
    Creating,
    /// Being started.
    Starting,
    /// Running.
    Running,
    /// Being stopped.
    Stopping,
    /// Not running.
    Stopped,
    /// Being stopped and started.
    Restarting,
    /// Its first start failed and it is being cleaned up.
    Erroring,
    /// Its first start failed.
    Error,
    /// Being removed.
    Removing,
    /// No longer there.
    Removed,
}

impl MemberState {
    /// Reads the state of an instance (containers.md, section 1); `None` if there is no such state.
    pub fn parse(state: &str) -> Option<MemberState> {
        Some(match state {
            "requested" | "creating" => Self::Creating,
            "starting" => Self::Starting,
            "running" | "updating-running" | "migrating" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" | "updating-stopped" => Self::Stopped,
            "restarting" => Self::Restarting,
            "erroring" => Self::Erroring,
            "error" => Self::Error,
            "removing" => Self::Removing,
            "removed" | "purging" | "purged" => Self::Removed,
            _ => return None,
        })
    }
}

/// Health of a container with a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No check has passed since its first start.
    Initializing,
    /// No check has passed since it was started again.
    Reinitializing,
    /// Checks pass.
    Healthy,
    /// Checks fail.
    Unhealthy,
}

impl Health {
    /// The word in `healthState`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Reinitializing => "reinitializing",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Reads `healthState`; `None` if there is no such state.
    pub fn parse(state: &str) -> Option<Health> {
        Some(match state {
            "initializing" => Self::Initializing,
            "reinitializing" | "updating-reinitializing" => Self::Reinitializing,
            "healthy" | "updating-healthy" => Self::Healthy,
            "unhealthy" | "updating-unhealthy" => Self::Unhealthy,
            _ => return None,
        })
    }
}

/// What is known of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostState {
    /// Takes containers.
    #[default]
    Active,
    /// Deactivated: takes nothing new; what it has can be started and stopped.
    Inactive,
    /// Its agent has just fallen silent: as active, for it may be back at once, but that no rule speaks of it.
    Silent,
    /// Its agent is disconnected, or silent for too long: nothing can be done there now.
    Unreachable,
    /// Removed.
    Gone,
}

/// Whether the containers of a service in this state are to run (services.md, section 2).
pub fn is_active(state: &str) -> bool {
    crate::model::names::is_active_service(state)
}
