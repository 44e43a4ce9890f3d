//! Network policies on a host that is reached over SSH, with real traffic between its containers. The
//! machine has a network namespace of its own, and in it an SSH server, a Docker Engine and a packet filter.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ranchette::clock::Clock;
use ranchette::engine::docker::ssh::SshMachines;
use serde_json::{Value, json};

use crate::agents::place::{Place, number};
use crate::api::site::Client;
use crate::docker_policy::inside;
use crate::docker_support::OwnDocker;
use crate::machine_hosts::{path, place};
use crate::machine_support::Machine;
use crate::ranch::until;

/// How long something is waited for that ought not to come.
const NEVER: Duration = Duration::from_secs(1);
const TCP: u16 = 8080;

/// A machine with an engine of its own, which ends first.
struct Barn {
    machine: Machine,
    docker: OwnDocker,
}

impl Drop for Barn {
    fn drop(&mut self) {
        self.docker.end();
    }
}

impl Barn {
    async fn start() -> Self {
        let machine = Machine::start().await;
        let docker = machine.has_own_docker().await;
        Self { machine, docker }
    }

    /// The tables of network policies.
    fn tables(&self) -> Vec<String> {
        let listing = self.machine.nft(&["list", "tables", "bridge"]);
        let names = listing.lines().filter_map(|line| line.strip_prefix("table bridge "));
        names.filter(|name| name.starts_with("ranchette_")).map(str::to_owned).collect()
    }

    async fn has_tables(&self, what: &str, count: usize) {
        until(what, async || {
            let tables = self.tables();
            if tables.len() == count { Ok(()) } else { Err(format!("{tables:?}")) }
        })
        .await;
    }

    /// Makes a container that listens on [`TCP`].
    async fn cow(&self, place: &Place, owner: &Client, host: &Value, role: &str) -> Cow {
        let body = json!({
            "imageUuid": format!("docker:{}", self.docker.image),
            "command": ["sleep", "100000"],
            "networkMode": "managed",
            "requestedHostId": host["id"],
            "name": role,
            "labels": { "role": role },
        });
        let row = owner.post("/containers", body).await.ok(201);
        place.state(&row["id"], "running").await;
        let row = owner.get(&path(&row)).await.ok(200);
        let address = row["primaryIpAddress"].as_str().expect("an address").parse().unwrap();
        let id = row["externalId"].as_str().expect("a container");
        let said = std::process::Command::new("docker")
            .args(["-H", &self.docker.endpoint, "inspect", "-f", "{{.State.Pid}}", id])
            .output()
            .expect("docker");
        let process: u32 = String::from_utf8_lossy(&said.stdout).trim().parse().expect("a process");
        let tcp = inside(process, || TcpListener::bind((Ipv4Addr::UNSPECIFIED, TCP)).expect("TCP"));
        Cow { role: role.to_owned(), process, address, _tcp: tcp }
    }
}

/// A container, as whoever is in it sees the network.
struct Cow {
    role: String,
    process: u32,
    address: Ipv4Addr,
    _tcp: TcpListener,
}

impl Cow {
    async fn reaches(&self, other: &Self) -> bool {
        let (process, to) = (self.process, SocketAddr::from((other.address, TCP)));
        let connect =
            move || inside(process, move || TcpStream::connect_timeout(&to, NEVER).is_ok());
        tokio::task::spawn_blocking(connect).await.expect("no panic")
    }
}

async fn settles(what: &str, pairs: &[(&Cow, &Cow, bool)]) {
    until(what, async || {
        let mut wrong = Vec::new();
        for (from, to, expect) in pairs {
            if from.reaches(to).await != *expect {
                wrong.push(format!("{} to {}: not {expect}", from.role, to.role));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
    })
    .await;
}

async fn managed(owner: &Client) -> Value {
    let list = owner.get("/networks").await.ok(200);
    let rows = list["data"].as_array().expect("networks");
    rows.iter().find(|row| row["name"] == "managed").expect("a network").clone()
}

async fn set(owner: &Client, otherwise: &str, policy: Value) {
    let body = json!({"defaultPolicyAction": otherwise, "policy": policy});
    owner.put(&path(&managed(owner).await), body).await.ok(200);
}

/// Waits until the network says what fits.
async fn says(owner: &Client, what: &str, fits: impl Fn(&Value) -> bool) {
    until(what, async || {
        let network = managed(owner).await;
        if fits(&network) { Ok(()) } else { Err(network["transitioningMessage"].to_string()) }
    })
    .await;
}

#[actix_web::test]
async fn policies_hold_on_a_host_behind_ssh() {
    let barn = Barn::start().await;
    let place = place(Arc::new(SshMachines::new(Clock::System))).await;
    let owner = place.site.owner().await;
    let config = json!({
        "address": barn.machine.address,
        "dockerSocket": barn.machine.socket(),
        "sshKey": barn.machine.key("login"),
    });
    let body = json!({"hostname": "barn", "name": "barn", "genericConfig": config});
    let host = owner.post("/hosts", body).await.ok(201);
    place.state(&host["id"], "active").await;
    let asker = barn.cow(&place, &owner, &host, "asker").await;
    let web = barn.cow(&place, &owner, &host, "web").await;
    settles("nothing is forbidden", &[(&asker, &web, true), (&web, &asker, true)]).await;
    assert_eq!(barn.tables(), [""; 0]);

    let policy = json!([
        {"action": "allow", "from": {"selector": "role=asker"}, "to": {"selector": "role=web"}}
    ]);
    set(&owner, "deny", policy.clone()).await;
    settles("one way only", &[(&asker, &web, true), (&web, &asker, false)]).await;
    assert_eq!(managed(&owner).await["transitioning"], "no");
    let stranger = barn.cow(&place, &owner, &host, "stranger").await;
    let rules = [(&asker, &web, true), (&web, &asker, false), (&stranger, &web, false)];
    settles("newcomers are fenced in", &rules).await;

    // The machine starts anew: its rules are gone, and for a while nobody reaches it.
    barn.machine.stop_ssh();
    barn.machine.nft(&["delete", "table", "bridge", &barn.tables()[0]]);
    place
        .until("it is missed", |read| {
            let row = read.get(number(&host["id"]))?;
            Ok(row.filter(|row| row.str("agentState") != Some("active")))
        })
        .await;
    assert!(stranger.reaches(&web).await, "nothing separates them");
    says(&owner, "it is said", |network| {
        let said = network["transitioningMessage"].as_str().unwrap_or_default();
        said.contains("host `barn`: it cannot be reached over SSH")
    })
    .await;
    barn.machine.start_ssh().await;
    settles("the rules are back", &rules).await;
    says(&owner, "it is well", |network| network["transitioning"] == "no").await;

    set(&owner, "allow", json!([])).await;
    settles("nothing is forbidden any more", &[(&stranger, &web, true), (&web, &asker, true)])
        .await;
    barn.has_tables("the table goes with the policy", 0).await;

    set(&owner, "deny", policy).await;
    barn.has_tables("it is there again", 1).await;
    owner.post(&format!("{}?action=deactivate", path(&host)), json!({})).await.ok(202);
    place.state(&host["id"], "inactive").await;
    owner.delete(&path(&host)).await.ok(200);
    place.state(&host["id"], "removed").await;
    barn.has_tables("it goes with the host", 0).await;
    place.core.shut_down().await;
}
