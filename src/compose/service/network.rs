//! Whom a service talks to: networks and their modes, links, names, dependencies.

use std::net::IpAddr;

use super::super::context::Context;
use super::super::document::Version;
use super::super::node::{Value, View};
use super::super::project::{Condition, Kind, Link};
use super::super::read::list;
use super::{Draft, Need, Reader, Shared};

/// `network_mode` (`net` in version 1).
pub(super) fn network_mode(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let Some(mode) = context.word(view) else { return };
    let shared = mode.strip_prefix("service:").or_else(|| mode.strip_prefix("container:"));
    match (mode.as_str(), shared) {
        (_, Some(service)) => {
            draft.shares.push((view.into(), service.to_owned(), Shared::Network));
        }
        ("default" | "bridge", None) => draft.set("networkMode", "bridge"),
        (mode, None) => draft.set("networkMode", mode),
    }
}

/// `networks`: names of the project's networks, with aliases.
pub(super) fn networks(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    match &view.node.value {
        Value::Map(_) => {
            for (name, network) in view.entries() {
                join_network(reader, name, &network, draft);
                if !network.node.is_null() {
                    network_options(context, &network, draft);
                }
            }
        }
        Value::List(_) => {
            for (name, item) in context.text_views(view) {
                join_network(reader, &name, &item, draft);
            }
        }
        Value::Null | Value::Scalar(_) => {
            context.error(view, "must be a list of networks or a mapping");
        }
    }
}

fn join_network(reader: &Reader<'_, '_>, name: &str, view: &View<'_>, draft: &mut Draft) {
    let declared = reader.declared.networks.iter().find(|network| network.key == name);
    match declared {
        Some(network) if network.external && matches!(network.name.as_str(), "host" | "none") => {
            draft.set("networkMode", network.name.as_str());
        }
        Some(_) => {}
        None if name == "default" => {}
        None => {
            let message = format!("network `{name}` is not declared under `networks`");
            match reader.version {
                Version::Specification => reader.context.error(view, message),
                Version::V1 | Version::V2 => reader.context.warning(view, message),
            }
        }
    }
}

fn network_options(context: &Context<'_>, network: &View<'_>, draft: &mut Draft) {
    const KEYS: &[&str] = &[
        "aliases",
        "driver_opts",
        "gw_priority",
        "interface_name",
        "ipv4_address",
        "ipv6_address",
        "link_local_ips",
        "mac_address",
        "priority",
    ];
    for (key, view) in context.known(network, KEYS) {
        match key {
            "aliases" => draft.aliases.extend(context.texts(&view)),
            "ipv4_address" | "ipv6_address" | "mac_address" | "link_local_ips" => {
                context.warning(&view, "the address is given by the environment's network");
            }
            _ => context.warning(&view, "has no effect: services share the environment's network"),
        }
    }
}

/// `container_name`: the container gets Rancher's name, but other services may use this one.
pub(super) fn container_name(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    if let Some(name) = reader.context.word(view) {
        draft.aliases.insert(name.clone());
        draft.container_name = Some(name);
    }
}

/// `links`: `service` or `service:alias`.
pub(super) fn links(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    for (text, item) in reader.context.text_views(view) {
        let (target, alias) = text.split_once(':').unwrap_or((&text, &text));
        add_link(reader.context, &item, target, alias, draft);
    }
}

/// `external_links`: services of other stacks, `stack/service:alias`.
pub(super) fn external_links(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    for (text, item) in reader.context.text_views(view) {
        let (target, alias) = match text.split_once(':') {
            Some((target, alias)) => (target, alias),
            None => (text.as_str(), text.rsplit('/').next().unwrap_or(&text)),
        };
        // In Rancher's own files a name alone is that of a service beside this one.
        if !target.contains('/') && reader.version == Version::Specification {
            let message =
                format!("`{target}` must be `stack/service`; other containers have no links");
            reader.context.error(&item, message);
            continue;
        }
        add_link(reader.context, &item, target, alias, draft);
    }
}

fn add_link(context: &Context<'_>, item: &View<'_>, target: &str, alias: &str, draft: &mut Draft) {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    if alias.is_empty() || !alias.chars().all(valid) {
        let message = format!("link name `{alias}` takes only letters, digits, `-`, `.` and `_`");
        context.error(item, message);
        return;
    }
    let link = Link { target: target.to_owned(), alias: alias.to_owned() };
    if draft.links.iter().any(|(_, known)| known.alias == link.alias && *known != link) {
        context.error(item, format!("two links share the name `{alias}`"));
        return;
    }
    if !draft.links.iter().any(|(_, known)| *known == link) {
        draft.links.push((item.into(), link));
    }
}

/// `depends_on`: a list of services, or a mapping to conditions.
pub(super) fn depends_on(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let need = |view: &View<'_>, service: &str, condition, required| Need {
        spot: view.into(),
        service: service.to_owned(),
        condition,
        required,
    };
    let Value::Map(_) = view.node.value else {
        for (service, item) in context.text_views(view) {
            draft.needs.push(need(&item, &service, Condition::Started, true));
        }
        return;
    };
    for (service, entry) in view.entries() {
        let mut condition = Condition::Started;
        let mut required = true;
        if !entry.node.is_null() {
            for (key, value) in context.known(&entry, &["condition", "required", "restart"]) {
                match key {
                    "condition" => condition = self::condition(context, &value),
                    "required" => required = context.flag(&value).unwrap_or(true),
                    _ if context.flag(&value) == Some(true) => {
                        let message = "the service is not restarted together with its dependency";
                        context.warning(&value, message);
                    }
                    _ => {}
                }
            }
        }
        draft.needs.push(need(&entry, service, condition, required));
    }
}

fn condition(context: &Context<'_>, view: &View<'_>) -> Condition {
    const NAMES: &[(&str, Condition)] = &[
        ("service_started", Condition::Started),
        ("service_healthy", Condition::Healthy),
        ("service_completed_successfully", Condition::CompletedSuccessfully),
    ];
    let text = context.word(view).unwrap_or_default();
    match NAMES.iter().find(|(name, _)| *name == text) {
        Some((_, condition)) => *condition,
        None => {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            context.error(view, format!("must be one of {}, not `{text}`", list(&names)));
            Condition::Started
        }
    }
}

/// `extra_hosts`: `host:ip`, `host=ip`, or a mapping.
pub(super) fn extra_hosts(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let hosts = hosts(reader.context, view);
    draft.extend("extraHosts", hosts);
}

/// Extra hosts as Docker writes them, `host:ip`.
pub(super) fn hosts(context: &Context<'_>, view: &View<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    let mut add = |item: &View<'_>, host: &str, ip: &str| {
        let ip = ip.trim().trim_start_matches('[').trim_end_matches(']');
        if ip == "host-gateway" || ip.parse::<IpAddr>().is_ok() {
            hosts.push(format!("{}:{ip}", host.trim()));
        } else {
            context.error(item, format!("`{ip}` is not an IP address"));
        }
    };
    if let Value::Map(_) = view.node.value {
        for (host, entry) in view.entries() {
            for (ip, item) in context.text_views(&entry) {
                add(&item, host, &ip);
            }
        }
        return hosts;
    }
    for (text, item) in context.text_views(view) {
        match text.split_once('=').or_else(|| text.split_once(':')) {
            Some((host, ip)) => add(&item, host, ip),
            None => context.error(&item, format!("`{text}` must be `host:ip`")),
        }
    }
    hosts
}

/// `pid`: only the host's can be shared.
pub(super) fn pid(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    match reader.context.word(view).as_deref() {
        Some("host") => draft.set("pidMode", "host"),
        Some(other) => {
            let message = format!("`{other}` is not supported; only `host` is");
            reader.context.error(view, message);
        }
        None => {}
    }
}

/// `ipc`: a mode of Docker's, except sharing with another service.
pub(super) fn ipc(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    match reader.context.word(view) {
        Some(mode) if mode.contains(':') => {
            reader
                .context
                .error(view, format!("`{mode}`: sharing with a service is not supported"));
        }
        Some(mode) => draft.set("ipcMode", mode),
        None => {}
    }
}

/// The network mode when none is given, and what a mode rules out.
pub(super) fn finish(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let shares = draft.shares.iter().any(|(_, _, shared)| *shared == Shared::Network);
    let own = matches!(draft.kind, Kind::Service | Kind::LoadBalancerService);
    if !own {
        return;
    }
    if let (Some(_), Some(networks)) = (view.get("network_mode"), view.get("networks")) {
        reader.context.error(&networks, "cannot be given together with `network_mode`");
    }
    if !shares && !draft.launch.contains_key("networkMode") {
        draft.set("networkMode", "managed");
    }
    let mode =
        draft.launch.get("networkMode").and_then(|mode| mode.as_str()).unwrap_or("container");
    let why = match mode {
        "host" => "its ports are the host's own already",
        "none" => "the service has no network",
        "container" if shares => "publish them at the service that lends its network",
        _ => return,
    };
    if draft.launch.remove("ports").is_some() {
        let at = view.get("ports");
        reader.context.warning(at.as_ref().unwrap_or(view), format!("has no effect: {why}"));
    }
}
