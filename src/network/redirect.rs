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
    let listing = run(&["-S", "PREROUTING"]).await?;
    let present = own(&comment, &listing);
    let stale = present.iter().filter(|rule| !wanted.contains(rule)).cloned();
    let mut stale: Vec<Vec<String>> = stale.collect();
    // Whoever had one of our subnets before has it no more.
    stale.extend(ours_before(&wanted, &listing).into_iter().filter(|rule| !present.contains(rule)));
    for rule in &stale {
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

/// The rules under a comment, among those that `iptables -S` lists.
fn own(comment: &str, listing: &str) -> Vec<Vec<String>> {
    let rules = listing.lines().filter_map(|line| line.strip_prefix("-A PREROUTING "));
    let rules = rules.filter_map(shlex::split);
    rules.filter(|words| words.windows(2).any(|pair| pair == ["--comment", comment])).collect()
}

/// Rules of other installations for the subnets of these rules.
fn ours_before(wanted: &[Vec<String>], listing: &str) -> Vec<Vec<String>> {
    let rules = listing.lines().filter_map(|line| line.strip_prefix("-A PREROUTING "));
    let theirs = |words: &Vec<String>| {
        let subnet = words.windows(2).find(|pair| pair.first().is_some_and(|word| word == "-s"));
        let mut comments =
            words.windows(2).filter(|pair| pair.first().is_some_and(|word| word == "--comment"));
        let is_ours =
            comments.any(|pair| pair.get(1).is_some_and(|text| text.starts_with("ranchette ")));
        is_ours
            && !wanted.contains(words)
            && wanted
                .iter()
                .any(|rule| subnet.is_some_and(|pair| rule.windows(2).any(|own| own == pair)))
    };
    rules.filter_map(shlex::split).filter(theirs).collect()
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
        let wanted = rules("ranchette a", &redirect);
        assert_eq!(own("ranchette a", listing), wanted[..1]);
        assert_eq!(own("ranchette b", listing).len(), 1);
        assert!(own("ranchette", listing).is_empty());
    }
}
