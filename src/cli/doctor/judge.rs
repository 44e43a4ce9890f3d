//! What facts about a machine mean: pure functions, so that every verdict has a test.

use std::path::Path;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Fine.
    Ok,
    /// It works, but not as well as it could.
    Warning,
    /// A server will not work.
    Problem,
}

/// One line of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Check {
    /// Fine.
    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Check { name, level: Level::Ok, message: message.into(), hint: None }
    }

    /// Not as good as it could be.
    pub fn warning(name: &'static str, message: impl Into<String>) -> Self {
        Check { level: Level::Warning, ..Check::ok(name, message) }
    }

    /// In the way.
    pub fn problem(name: &'static str, message: impl Into<String>) -> Self {
        Check { level: Level::Problem, ..Check::ok(name, message) }
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Free space below which a database soon cannot be written.
const TOO_LITTLE: u64 = 100 << 20;
/// Free space below which images soon do not fit.
const LITTLE: u64 = 1 << 30;
/// 2025-01-01: no clock that is right shows less, because this program is younger.
const BORN_MS: i64 = 1_735_689_600_000;
/// 2100-01-01.
const FAR_MS: i64 = 4_102_444_800_000;
/// Difference between two clocks that nothing notices, in milliseconds.
const CLOSE_MS: i64 = 30_000;

/// Free space on a file system.
pub fn space(name: &'static str, path: &Path, free_bytes: u64, total_bytes: u64) -> Check {
    let mib = |bytes: u64| match bytes >> 20 {
        mib if mib >= 10_240 => format!("{} GiB", mib >> 10),
        mib => format!("{mib} MiB"),
    };
    let text = format!("{} of {} free at {}", mib(free_bytes), mib(total_bytes), path.display());
    match free_bytes {
        free if free < TOO_LITTLE => Check::problem(name, text)
            .hint("make room: without space nothing can be recorded; `docker system df` shows what Docker uses"),
        free if free < LITTLE => {
            Check::warning(name, text).hint("make room before the next images are pulled")
        }
        _ => Check::ok(name, text),
    }
}

/// The mode of the data folder.
pub fn mode(path: &Path, mode: u32) -> Check {
    let mode = mode & 0o777;
    let path = path.display();
    match mode & 0o077 {
        0 => Check::ok("data folder", format!("{path}, mode {mode:04o}")),
        _ => Check::warning(
            "data folder",
            format!("{path} has mode {mode:04o}: others may look into it"),
        )
        .hint(format!("`chmod 700 {path}`; a server does so when it starts")),
    }
}

/// The machine's clock, against this program's age and the time the database was last written.
pub fn clock(now_ms: i64, written_ms: Option<i64>) -> Check {
    const HINT: &str = "set the clock; `timedatectl set-ntp true` keeps it right";
    let shown = time(now_ms);
    if !(BORN_MS..FAR_MS).contains(&now_ms) {
        return Check::problem("clock", format!("it shows {shown}, which cannot be")).hint(HINT);
    }
    match written_ms {
        Some(written) if written - now_ms > CLOSE_MS => Check::problem(
            "clock",
            format!("it shows {shown}, but the database was written at {}", time(written)),
        )
        .hint(HINT),
        _ => Check::ok("clock", shown),
    }
}

/// The engine's clock against ours.
pub fn engine_clock(now_ms: i64, engine_ms: i64) -> Check {
    let apart_s = (now_ms - engine_ms).abs() / 1000;
    match apart_s * 1000 > CLOSE_MS {
        true => Check::warning(
            "docker clock",
            format!("the engine's clock is {apart_s} s away from this machine's"),
        )
        .hint("set both clocks; the times in logs and events will not fit together"),
        false => Check::ok("docker clock", "as this machine's"),
    }
}

fn time(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{ms} ms since 1970"),
    }
}

/// Control groups: which version the kernel offers.
pub fn cgroups(v2: bool, v1: bool) -> Check {
    match (v2, v1) {
        (true, _) => Check::ok("cgroups", "version 2"),
        (false, true) => Check::ok("cgroups", "version 1"),
        (false, false) => {
            Check::warning("cgroups", "none are mounted: memory and CPU cannot be limited")
                .hint("mount /sys/fs/cgroup; a container needs `--cgroupns=host` or the like")
        }
    }
}

/// Whether nat rules can be set, which names and metadata at 169.254.169.250 need.
pub fn nat(root: bool, tool: Option<&Path>) -> Check {
    const LESS: &str = "containers find each other by Docker's own names only";
    match (root, tool) {
        (true, Some(tool)) => Check::ok("nat rules", format!("with {}", tool.display())),
        (true, None) => Check::warning("nat rules", format!("there is no iptables: {LESS}"))
            .hint("`apt install iptables`"),
        (false, _) => Check::warning("nat rules", format!("only root can set them: {LESS}"))
            .hint("run the server as root, if Rancher's DNS and metadata are needed"),
    }
}

/// Whether the packet filter can be changed, which network policies need.
pub fn packet_filter(reached: Result<(), String>) -> Check {
    match reached {
        Ok(()) => Check::ok("packet filter", "with nft"),
        Err(reason) => {
            let text = format!("network policies are not enforced: {reason}");
            Check::warning("packet filter", text)
                .hint("if they are needed, `apt install nftables` and run the server as root")
        }
    }
}

/// The same of a machine that is reached over SSH; the reason says what to do.
pub fn packet_filter_of(machine: &str, reached: Result<(), String>) -> Check {
    match reached {
        Ok(()) => Check::ok("packet filter", format!("with nft on machine `{machine}`")),
        Err(reason) => Check::warning(
            "packet filter",
            format!("network policies are not enforced on machine `{machine}`: {reason}"),
        ),
    }
}

/// The engine's version; the oldest supported API is that of Docker 20.10.
pub fn version(version: &str, api: &str) -> Check {
    let number = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let text = format!("version {version}, API {api}");
    match number(api) {
        Some(api) if api < (1, 41) => Check::problem("docker", text)
            .hint("upgrade Docker: 20.10, with API 1.41, is the oldest that works"),
        _ => Check::ok("docker", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(found: Check, expect: Expect) {
        let hint = found.hint.map(|hint| format!(" -> {hint}")).unwrap_or_default();
        expect.assert_eq(&format!("{:?} {}: {}{hint}", found.level, found.name, found.message));
    }

    #[test]
    fn space_runs_out_in_steps() {
        let at = Path::new("/d");
        check(
            space("disk", at, 50 << 30, 100 << 30),
            expect!["Ok disk: 50 GiB of 100 GiB free at /d"],
        );
        check(
            space("disk", at, 900 << 20, 100 << 30),
            expect![[
                "Warning disk: 900 MiB of 100 GiB free at /d -> make room before the next images are pulled"
            ]],
        );
        check(
            space("disk", at, 99 << 20, 1 << 30),
            expect![[
                "Problem disk: 99 MiB of 1024 MiB free at /d -> make room: without space nothing can be recorded; `docker system df` shows what Docker uses"
            ]],
        );
    }

    #[test]
    fn clocks_that_cannot_be_right() {
        let now = 1_750_000_000_000;
        check(clock(now, Some(now - 1)), expect!["Ok clock: 2025-06-15 15:06:40 UTC"]);
        check(
            clock(1_000, None),
            expect![[
                "Problem clock: it shows 1970-01-01 00:00:01 UTC, which cannot be -> set the clock; `timedatectl set-ntp true` keeps it right"
            ]],
        );
        check(
            clock(now, Some(now + 86_400_000)),
            expect![[
                "Problem clock: it shows 2025-06-15 15:06:40 UTC, but the database was written at 2025-06-16 15:06:40 UTC -> set the clock; `timedatectl set-ntp true` keeps it right"
            ]],
        );
        check(engine_clock(now, now + 30_999), expect!["Ok docker clock: as this machine's"]);
        check(
            engine_clock(now, now - 3_600_000),
            expect![[
                "Warning docker clock: the engine's clock is 3600 s away from this machine's -> set both clocks; the times in logs and events will not fit together"
            ]],
        );
    }

    #[test]
    fn the_rest_of_the_machine() {
        check(mode(Path::new("/d"), 0o40700), expect!["Ok data folder: /d, mode 0700"]);
        check(
            mode(Path::new("/d"), 0o40755),
            expect![[
                "Warning data folder: /d has mode 0755: others may look into it -> `chmod 700 /d`; a server does so when it starts"
            ]],
        );
        check(version("20.10.24", "1.41"), expect!["Ok docker: version 20.10.24, API 1.41"]);
        check(
            version("19.03.1", "1.40"),
            expect![[
                "Problem docker: version 19.03.1, API 1.40 -> upgrade Docker: 20.10, with API 1.41, is the oldest that works"
            ]],
        );
        check(cgroups(true, true), expect!["Ok cgroups: version 2"]);
        assert_eq!(cgroups(false, false).level, Level::Warning);
        assert_eq!(nat(true, Some(Path::new("/sbin/iptables"))).level, Level::Ok);
        assert_eq!(nat(true, None).level, Level::Warning);
        assert_eq!(nat(false, Some(Path::new("/sbin/iptables"))).level, Level::Warning);
        check(packet_filter(Ok(())), expect!["Ok packet filter: with nft"]);
        check(
            packet_filter_of("barn", Ok(())),
            expect!["Ok packet filter: with nft on machine `barn`"],
        );
        check(
            packet_filter_of("barn", Err("there is no nft; install nftables there".to_owned())),
            expect![
                "Warning packet filter: network policies are not enforced on machine `barn`: there is no nft; install nftables there"
            ],
        );
        check(
            packet_filter(Err("nft refused: no".to_owned())),
            expect![[
                "Warning packet filter: network policies are not enforced: nft refused: no -> if they are needed, `apt install nftables` and run the server as root"
            ]],
        );
    }
}
