//! Sends what containers ask of the well-known address to the ports we listen on.
//!
//! The rules are in the kernel's nat table, under a comment of this installation, and only for packets that come
//! from an environment's subnet: nothing on the host's own ports 53 and 80 is ever taken. `iptables` is
//! there wherever Docker is.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::Command;

use super::names::WELL_KNOWN;

/// Where an environment's questions go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The environment's subnet, as `a.b.c.d/n`.
    pub subnet: String,
    /// Where DNS is served over UDP and TCP.
    pub dns: SocketAddr,
    /// Where metadata is served.
    pub metadata: SocketAddr,
}

/// Why rules cannot be changed, for people.
#[derive(Debug, thiserror::Error)]
pub enum RedirectError {
    /// The program is missing.
    #[error("iptables cannot be run: {0}")]
    Missing(#[from] std::io::Error),
    /// It refused.
    #[error("iptables refused: {0}")]
    Refused(String),
}

/// Whether this program may read and change the rules.
///
/// # Errors
/// Why not.
pub async fn check() -> Result<(), RedirectError> {
    run(&["-S", "PREROUTING"]).await.map(drop)
}

/// Makes the rules of `owner` be exactly these: adds what is missing, removes what is no longer wanted.
///
/// # Errors
/// When a rule cannot be changed.
pub async fn apply(owner: &str, wanted: &[Redirect]) -> Result<(), RedirectError> {
    let comment = format!("ranchette {owner}");
    let wanted: Vec<Vec<String>> =
        wanted.iter().flat_map(|redirect| rules(&comment, redirect)).collect();
    let present = parse(&run(&["-S", "PREROUTING"]).await?);
    for rule in stale(&comment, &wanted, &present) {
        change("-D", rule).await?;
    }
    for rule in wanted.iter().filter(|rule| !present.contains(rule)) {
        // In front: what another installation has left for the same subnet leads nowhere.
        change("-I", rule).await?;
    }
    Ok(())
}

/// A redirection's rules, as iptables writes them.
fn rules(comment: &str, redirect: &Redirect) -> Vec<Vec<String>> {
    let rule = |protocol: &str, port: u16, to: u16| -> Vec<String> {
        let (well_known, port, to) = (format!("{WELL_KNOWN}/32"), port.to_string(), to.to_string());
        let words = [
            "-s",
            &redirect.subnet,
            "-d",
            &well_known,
            "-p",
            protocol,
            "-m",
            protocol,
            "--dport",
            &port,
            "-m",
            "comment",
            "--comment",
            comment,
            "-j",
            "REDIRECT",
            "--to-ports",
            &to,
        ];
        words.map(str::to_owned).into()
    };
    vec![
        rule("udp", 53, redirect.dns.port()),
        rule("tcp", 53, redirect.dns.port()),
        rule("tcp", 80, redirect.metadata.port()),
    ]
}

/// The rules that `iptables -S` lists, in words.
fn parse(listing: &str) -> Vec<Vec<String>> {
    let rules = listing.lines().filter_map(|line| line.strip_prefix("-A PREROUTING "));
    rules.filter_map(shlex::split).collect()
}

/// The word after another, such as the subnet after `-s`.
fn after<'r>(rule: &'r [String], word: &str) -> Option<&'r str> {
    let at = rule.iter().position(|own| own == word)?;
    rule.get(at + 1).map(String::as_str)
}

/// Rules that are no longer wanted: those under our comment, and those of another installation for a
/// subnet that is ours now.
fn stale<'r>(
    comment: &'r str,
    wanted: &'r [Vec<String>],
    present: &'r [Vec<String>],
) -> impl Iterator<Item = &'r Vec<String>> {
    present.iter().filter(move |rule| {
        let own = after(rule, "--comment").filter(|own| own.starts_with("ranchette "));
        let subnet = after(rule, "-s");
        let is_ours = || wanted.iter().any(|other| after(other, "-s") == subnet);
        own.is_some_and(|own| own == comment || is_ours()) && !wanted.contains(rule)
    })
}

async fn change(verb: &str, rule: &[String]) -> Result<(), RedirectError> {
    let mut words = vec![verb, "PREROUTING"];
    words.extend(rule.iter().map(String::as_str));
    run(&words).await.map(drop)
}

async fn run(words: &[&str]) -> Result<String, RedirectError> {
    let mut command = Command::new("iptables");
    command.args(["-w", "5", "-t", "nat"]).args(words).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    let message = message.lines().next().unwrap_or("it did not say why");
    Err(RedirectError::Refused(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_rules_are_recognised_among_others() {
        let redirect = Redirect {
            subnet: "10.42.0.0/16".to_owned(),
            dns: "10.42.0.1:40053".parse().unwrap(),
            metadata: "10.42.0.1:40080".parse().unwrap(),
        };
        let listing = "-P PREROUTING ACCEPT\n\
            -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
            -A PREROUTING -s 10.42.0.0/16 -d 169.254.169.250/32 -p udp -m udp --dport 53 -m comment \
            --comment \"ranchette a\" -j REDIRECT --to-ports 40053\n\
            -A PREROUTING -s 10.43.0.0/16 -d 169.254.169.250/32 -p tcp -m tcp --dport 80 -m comment \
            --comment \"ranchette b\" -j REDIRECT --to-ports 1\n";
        let (wanted, present) = (rules("ranchette a", &redirect), parse(listing));
        assert_eq!(present.len(), 3);
        let stale_of = |comment: &str, wanted: &[Vec<String>]| -> Vec<usize> {
            let position = |rule: &Vec<String>| present.iter().position(|own| own == rule).unwrap();
            stale(comment, wanted, &present).map(position).collect()
        };
        assert!(present.contains(&wanted[0]));
        assert_eq!(stale_of("ranchette a", &wanted), [0; 0], "what is wanted stays");
        assert_eq!(stale_of("ranchette a", &[]), [1], "what was ours goes");
        assert_eq!(stale_of("ranchette b", &[]), [2], "and nothing of another's");
        assert_eq!(stale_of("ranchette", &[]), [0; 0]);
        let taken_over = rules("ranchette c", &redirect);
        assert_eq!(stale_of("ranchette c", &taken_over), [1], "but for a subnet that is ours now");
    }
}
