//! `ports` and `expose`: `ip:public:private/protocol`, ranges and the long form.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::context::Context;
use super::super::node::{Value, View};
use super::super::project::Kind;
use super::{Draft, Reader};

/// Ports one service may publish; a larger range is a slip of the pen.
const MAX_PORTS: usize = 4096;

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub ip: Option<String>,
    /// None: any free port.
    pub public: Option<u16>,
    pub private: u16,
    /// None: not written, so TCP.
    pub protocol: Option<&'static str>,
}

impl Port {
    /// As the API writes ports: `[ip:][public:]private/protocol`.
    fn render(&self) -> String {
        let ip = match &self.ip {
            Some(ip) if ip.contains(':') => format!("[{ip}]:"),
            Some(ip) => format!("{ip}:"),
            None => String::new(),
        };
        let public = match (self.public, ip.is_empty()) {
            (Some(public), _) => format!("{public}:"),
            (None, true) => String::new(),
            (None, false) => ":".to_owned(),
        };
        format!("{ip}{public}{}/{}", self.private, self.protocol.unwrap_or("tcp"))
    }
}

/// `ports` of a service.
pub(super) fn ports(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let mut ports = parse_all(context, view);
    if draft.kind == Kind::LoadBalancerService {
        // A balancer listens on the port it publishes.
        for port in &mut ports {
            port.public = port.public.or(Some(port.private));
        }
    }
    let mut taken = HashMap::new();
    for port in &ports {
        let Some(public) = port.public else { continue };
        let place = (port.ip.clone(), public, port.protocol.unwrap_or("tcp"));
        if taken.insert(place, port.private).is_some_and(|private| private != port.private) {
            context.error(view, format!("port {public} is published twice"));
        }
    }
    draft.extend("ports", ports.iter().map(Port::render).collect());
}

/// `expose`: ports for other services; every port is open to them anyway.
pub(super) fn expose(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    if draft.kind == Kind::LoadBalancerService {
        return;
    }
    let context = reader.context;
    let mut exposed = Vec::new();
    for (text, item) in context.text_views(view) {
        match parse_short(&text) {
            Ok(ports) if ports.iter().all(|port| port.public.is_none() && port.ip.is_none()) => {
                exposed.extend(ports.iter().map(|port| match port.protocol {
                    Some(protocol) => format!("{}/{protocol}", port.private),
                    None => port.private.to_string(),
                }));
            }
            Ok(_) => {
                context.error(&item, format!("`{text}` must be a port of the container alone"))
            }
            Err(message) => context.error(&item, message),
        }
    }
    draft.extend("expose", exposed);
}

/// All ports of a list in either form.
pub(super) fn parse_all(context: &Context<'_>, view: &View<'_>) -> Vec<Port> {
    let mut ports = Vec::new();
    for item in context.list_items(view) {
        let parsed = match &item.node.value {
            Value::Map(_) => long(context, &item),
            Value::Null | Value::Scalar(_) | Value::List(_) => match context.text(&item) {
                Some(text) => parse_short(&text),
                None => continue,
            },
        };
        match parsed {
            Ok(parsed) => ports.extend(parsed),
            Err(message) => context.error(&item, message),
        }
        if ports.len() > MAX_PORTS {
            context.error(&item, format!("the service publishes more than {MAX_PORTS} ports"));
            break;
        }
    }
    ports
}

fn parse_short(text: &str) -> Result<Vec<Port>, String> {
    let fail = |why: &str| format!("`{text}` is not a port: {why}");
    let (rest, protocol) =
        match text.trim().split_once('/') {
            Some((rest, protocol)) => (
                rest,
                Some(parse_protocol(protocol).ok_or_else(|| {
                    fail(&format!("the protocol is tcp or udp, not `{protocol}`"))
                })?),
            ),
            None => (text.trim(), None),
        };
    let (host, private) = match rest.rsplit_once(':') {
        Some((host, private)) => (Some(host), private),
        None => (None, rest),
    };
    let (ip, public) = match host {
        None => (None, None),
        Some(host) => split_host(host).map_err(|why| fail(&why))?,
    };
    combine(ip, public.as_deref(), private, protocol).map_err(|why| fail(&why))
}

/// `ip:public`, `public`, `ip:` or `[ip]:public`.
fn split_host(host: &str) -> Result<(Option<String>, Option<String>), String> {
    let (ip, public) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, "")) => (Some(ip), ""),
        Some((ip, public)) => (Some(ip), public.strip_prefix(':').unwrap_or(public)),
        None => match host.rsplit_once(':') {
            Some((ip, public)) => (Some(ip), public),
            None if host.parse::<std::net::Ipv4Addr>().is_ok() => (Some(host), ""),
            None => (None, host),
        },
    };
    if let Some(ip) = ip {
        ip.parse::<IpAddr>().map_err(|_| format!("`{ip}` is not an IP address"))?;
    } else if public.is_empty() {
        return Err("nothing stands before the first `:`".to_owned());
    }
    let public = (!public.is_empty()).then(|| public.to_owned());
    Ok((ip.map(str::to_owned), public))
}

fn parse_protocol(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" => Some("tcp"),
        "udp" => Some("udp"),
        _ => None,
    }
}

/// Pairs a range of public ports with a range of private ones.
fn combine(
    ip: Option<String>,
    public: Option<&str>,
    private: &str,
    protocol: Option<&'static str>,
) -> Result<Vec<Port>, String> {
    let (first, last) = range(private)?;
    let count = last - first;
    let offset = match public.map(range).transpose()? {
        None => None,
        Some((low, high)) if high - low == count => Some(low),
        // Docker picks a free one of the range; the first is as good a choice as any.
        Some((low, _)) if count == 0 => Some(low),
        Some((low, high)) => {
            let (wide, narrow) = (high - low + 1, count + 1);
            return Err(format!("{wide} public ports cannot be paired with {narrow} private ones"));
        }
    };
    let port = |step: u16| Port {
        ip: ip.clone(),
        public: offset.map(|low| low + step),
        private: first + step,
        protocol,
    };
    Ok((0..=count).map(port).collect())
}

/// One port or `low-high`.
fn range(text: &str) -> Result<(u16, u16), String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(format!("`{text}` is not a number between 1 and 65535")),
    };
    let (low, high) = match text.split_once('-') {
        Some((low, high)) => (port(low)?, port(high)?),
        None => (port(text)?, port(text)?),
    };
    if low > high {
        return Err(format!("the range `{text}` ends before it begins"));
    }
    if usize::from(high - low) >= MAX_PORTS {
        return Err(format!("the range `{text}` holds more than {MAX_PORTS} ports"));
    }
    Ok((low, high))
}

/// The long form: a mapping.
fn long(context: &Context<'_>, item: &View<'_>) -> Result<Vec<Port>, String> {
    const KEYS: &[&str] =
        &["app_protocol", "host_ip", "mode", "name", "protocol", "published", "target"];
    for (key, view) in context.known(item, KEYS) {
        match (key, view.node.as_text()) {
            ("app_protocol", _) => context.warning(&view, "has no effect"),
            ("mode", Some("host" | "ingress")) | ("name", Some(_)) => {}
            ("mode", _) => context.error(&view, "must be `host` or `ingress`"),
            _ => {}
        }
    }
    let text = |key: &str| item.get(key).and_then(|view| context.word(&view));
    let target = text("target").ok_or("the port lacks `target`, the port in the container")?;
    let protocol = match text("protocol") {
        None => None,
        Some(name) => {
            Some(parse_protocol(&name).ok_or(format!("the protocol is tcp or udp, not `{name}`"))?)
        }
    };
    let ip = text("host_ip");
    if let Some(ip) = &ip {
        ip.parse::<IpAddr>().map_err(|_| format!("`{ip}` is not an IP address"))?;
    }
    combine(ip, text("published").as_deref(), &target, protocol)
}
