//! Network policies with real traffic between the containers of a real Docker Engine.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use reqwest::Method;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::{Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};

/// How long something is waited for that ought not to come.
const NEVER: Duration = Duration::from_secs(1);
/// How long something is waited for that ought to come.
const LONG: Duration = Duration::from_secs(60);
const TCP: u16 = 8080;
const UDP: u16 = 8053;

fn compose(image: &str, webs: u32) -> String {
    format!(
        r#"services:
  web:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    deploy: {{ replicas: {webs} }}
  asker:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    labels: {{ color: blue }}
    links: [web]
"#
    )
}

/// A container, as whoever is in it sees the network. It listens on [`TCP`] and [`UDP`].
struct Place {
    name: String,
    namespace: u32,
    address: Ipv4Addr,
    _tcp: TcpListener,
    udp: UdpSocket,
}

/// Does something in the network of a process.
pub fn inside<T: Send + 'static>(process: u32, act: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        let namespace = File::open(format!("/proc/{process}/ns/net")).expect("a namespace");
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("the container's network");
        act()
    });
    thread.join().expect("no panic")
}

impl Place {
    fn of(ranch: &Ranch, name: &str) -> Self {
        let format = "{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let found = ranch.docker(&["inspect", "-f", format, name]);
        let (process, address) = found.split_once(' ').expect("two words");
        let process: u32 = process.parse().expect("a process");
        let (tcp, udp) = inside(process, || {
            let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, TCP)).expect("TCP");
            (tcp, UdpSocket::bind((Ipv4Addr::UNSPECIFIED, UDP)).expect("UDP"))
        });
        let address = address.parse().expect("an address");
        Self { name: name.to_owned(), namespace: process, address, _tcp: tcp, udp }
    }

    /// The only container of a service, or one of several.
    fn member(ranch: &Ranch, stack: &str, service: &str, index: usize) -> Self {
        Self::of(ranch, &ranch.service(stack, service)[index].name)
    }

    /// Whether a connection to the other comes about.
    async fn reaches(&self, other: &Self) -> bool {
        let (process, to) = (self.namespace, SocketAddr::from((other.address, TCP)));
        let connect =
            move || inside(process, move || TcpStream::connect_timeout(&to, NEVER).is_ok());
        tokio::task::spawn_blocking(connect).await.expect("no panic")
    }

    /// Sends a word from a new socket.
    fn says(&self, other: &Self, word: &'static str) -> UdpSocket {
        let to = SocketAddr::from((other.address, UDP));
        inside(self.namespace, move || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("UDP");
            socket.send_to(word.as_bytes(), to).expect("it is sent");
            socket
        })
    }
}

/// The next word that comes within a time, and from whom.
fn hears(socket: &UdpSocket, within: Duration) -> Option<(String, SocketAddr)> {
    socket.set_read_timeout(Some(within)).expect("a time");
    let mut bytes = [0; 64];
    match socket.recv_from(&mut bytes) {
        Ok((length, from)) => Some((String::from_utf8_lossy(&bytes[..length]).into_owned(), from)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until connections come about where they ought to, and nowhere else.
async fn settles(what: &str, pairs: &[(&Place, &Place, bool)]) {
    until(what, async || {
        let mut wrong = Vec::new();
        for (from, to, expect) in pairs {
            if from.reaches(to).await != *expect {
                wrong.push(format!("{} to {}: not {expect}", from.name, to.name));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
    })
    .await;
}

/// Waits until there are so many tables about this server's addresses.
async fn tables(ranch: &Ranch, what: &str, count: usize) {
    until(what, async || {
        let tables = ranch.tables();
        if tables.len() == count { Ok(()) } else { Err(format!("{tables:?}")) }
    })
    .await;
}

async fn managed(ranch: &Ranch) -> Value {
    let networks = ranch.list("networks").await;
    networks.into_iter().find(|row| row["name"] == "managed").expect("a network")
}

async fn set(ranch: &Ranch, otherwise: &str, policy: Value) {
    let path = format!("networks/{}", managed(ranch).await["id"].as_str().expect("an id"));
    let body = json!({"defaultPolicyAction": otherwise, "policy": policy});
    ranch.send(Method::PUT, &path, &body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn policies_hold_for_real_traffic() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 16, &["fencea", "fenceb"]);
    let (one, two) = (ranch.stack(0).to_owned(), ranch.stack(1).to_owned());
    let server = ranch.start().await;
    for stack in [&one, &two] {
        ranch.ok(&["up", "-f", &ranch.file(&compose(&docker.image, 1)), "-p", stack]).await;
    }
    let (web, asker) =
        (Place::member(&ranch, &one, "web", 0), Place::member(&ranch, &one, "asker", 0));
    let (far, stranger) =
        (Place::member(&ranch, &two, "web", 0), Place::member(&ranch, &two, "asker", 0));
    settles("nothing is forbidden", &[(&asker, &web, true), (&asker, &far, true)]).await;
    assert_eq!(ranch.tables(), [""; 0]);

    set(&ranch, "deny", json!([r#"{"action": "allow", "within": "stack"}"#])).await;
    settles(
        "within the stack only",
        &[
            (&asker, &far, false),
            (&web, &far, false),
            (&asker, &web, true),
            (&far, &stranger, true),
        ],
    )
    .await;
    assert_eq!(managed(&ranch).await["transitioning"], "no");
    // The host reaches all, and all reach what it serves.
    let host = TcpStream::connect_timeout(&SocketAddr::from((far.address, TCP)), LONG);
    assert!(host.is_ok(), "{host:?}");
    let asked = ranch
        .exec(&asker.name, &["wget", "-qO-", "http://169.254.169.250/latest/self/container/name"]);
    assert_eq!(asked, Some(format!("{one}-asker-1")));

    newcomers_are_where_they_belong(&ranch, &two, &asker, &stranger).await;
    links_lead_one_way(&ranch, &web, &asker, &far).await;

    set(&ranch, "deny", json!([{"action": "allow", "between": {"groupBy": "color"}}])).await;
    let by_color = [(&asker, &stranger, true), (&stranger, &asker, true), (&asker, &web, false)];
    settles("by label", &by_color).await;
    server.shut_down().await;
    settles("no server is needed", &by_color).await;
    assert_eq!(ranch.tables().len(), 1);
    let server = ranch.start().await;
    settles("the next server keeps them", &by_color).await;

    set(
        &ranch,
        "allow",
        json!([{"action": "deny", "to": {"selector": "color=blue"}, "ports": ["8080"]}]),
    )
    .await;
    settles(
        "but for some ports",
        &[(&web, &asker, false), (&asker, &web, true), (&web, &far, true)],
    )
    .await;
    let asked = web.says(&asker, "hello");
    assert_eq!(hears(&asker.udp, LONG).map(|(word, _)| word).as_deref(), Some("hello"));
    drop(asked);

    set(&ranch, "allow", json!([])).await;
    settles("nothing is forbidden any more", &[(&asker, &far, true), (&far, &web, true)]).await;
    tables(&ranch, "the table goes with the policy", 0).await;

    nothing_is_left(&ranch, &[&one, &two]).await;
    server.shut_down().await;
}

async fn newcomers_are_where_they_belong(
    ranch: &Ranch,
    stack: &str,
    asker: &Place,
    stranger: &Place,
) {
    ranch.ok(&["scale", &format!("{stack}/web=2")]).await;
    let known = ranch.service(stack, "web");
    let fresh = known.iter().find(|own| own.given_name().ends_with("-2")).expect("a second");
    let fresh = Place::of(ranch, &fresh.name);
    settles("the second is fenced in, too", &[(asker, &fresh, false), (stranger, &fresh, true)])
        .await;
    ranch.ok(&["scale", &format!("{stack}/web=1")]).await;
}

async fn links_lead_one_way(ranch: &Ranch, web: &Place, asker: &Place, far: &Place) {
    set(ranch, "deny", json!([{"action": "allow", "within": "linked"}])).await;
    settles(
        "to whom one is linked",
        &[(asker, web, true), (web, asker, false), (asker, far, false)],
    )
    .await;
    // Answers find their way back, and only they.
    let asked = asker.says(web, "question");
    let (word, from) = hears(&web.udp, LONG).expect("a question");
    assert_eq!(word, "question");
    web.udp.send_to(b"answer", from).expect("it is sent");
    assert_eq!(hears(&asked, LONG).map(|(word, _)| word).as_deref(), Some("answer"));
    drop(web.says(asker, "unasked"));
    assert_eq!(hears(&asker.udp, NEVER), None);
    let ping = |from: &Place, to: &Place, seconds: &str| {
        ranch
            .exec(&from.name, &["ping", "-c", "1", "-W", seconds, &to.address.to_string()])
            .is_some()
    };
    assert!(ping(asker, web, "60"));
    assert!(!ping(web, asker, "1"));
}

async fn nothing_is_left(ranch: &Ranch, stacks: &[&String]) {
    set(ranch, "deny", json!([{"action": "allow", "within": "service"}])).await;
    tables(ranch, "the table is there", 1).await;
    for stack in stacks {
        ranch.ok(&["down", stack, "--yes"]).await;
    }
    let path = format!("networks/{}", managed(ranch).await["id"].as_str().expect("an id"));
    ranch.send(Method::POST, &format!("{path}?action=deactivate"), &json!({})).await;
    until("the network is inactive", async || {
        let network = managed(ranch).await;
        if network["state"] == "inactive" { Ok(()) } else { Err(network["state"].to_string()) }
    })
    .await;
    assert_eq!(ranch.tables().len(), 1, "what separates stays while there is a network");
    ranch.send(Method::DELETE, &path, &json!({})).await;
    tables(ranch, "the table goes with the network", 0).await;
}
