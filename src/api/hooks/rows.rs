//! Every row of behaviour: which type has which, each slice sorted by its first word.
//!
//! A new behaviour is one line here and a function in a file of its own.

use super::{
    ActionHandler, AuthWriter, Computer, Guard, Hook, LinkHandler, Lister, Live, Run, Source,
    Visibility, access, account, balancer, certificate, container, credential, directory,
    endpoints, event, fields, handler, host, links, machine, member, network, preference, project,
    secret, service, setting, snapshot, sources, stack, template, upgrade, volume, webhook,
};
use super::{Presenter, agent, registry as registries};
use crate::api::streams;
use crate::model::registry::Entry;
use crate::model::schema::{Field, Kind};
use crate::process::registries::SECRET;

/// Hooks, by type.
pub const HOOKS: &[Hook] = &[
    account::HOOK,
    agent::AGENT,
    credential::API_KEY,
    snapshot::TARGET,
    certificate::HOOK,
    container::HOOK,
    event::CONTAINER,
    credential::CREDENTIAL,
    machine::SCHEMA,
    event::OUTSIDE,
    handler::HOOK,
    host::HOOK,
    machine::TEMPLATE,
    container::INSTANCE,
    balancer::HOOK,
    machine::MACHINE,
    machine::DRIVER,
    network::HOOK,
    credential::PASSWORD,
    project::HOOK,
    member::HOOK,
    template::HOOK,
    registries::PULL_TASK,
    agent::REGISTER,
    agent::TOKEN,
    registries::HOOK,
    registries::CREDENTIAL,
    secret::HOOK,
    service::HOOK,
    event::SERVICE,
    snapshot::SNAPSHOT,
    credential::SSH_KEY,
    stack::HOOK,
    preference::HOOK,
    volume::HOOK,
    volume::TEMPLATE,
    webhook::HOOK,
];

/// The hooks of a type: its base's first.
pub fn hooks(entry: &Entry) -> impl Iterator<Item = &'static Hook> {
    let (base, own) = (entry.base, entry.ty.name);
    let of = |ty: &'static str| HOOKS.iter().filter(move |hook| hook.ty == ty);
    of(base).chain(of(own).filter(move |_| own != base))
}

/// Actions, by type.
pub const ACTIONS: &[ActionHandler] = &[
    ActionHandler { ty: "container", action: "execute", run: Run::Access(access::execute) },
    ActionHandler { ty: "container", action: "logs", run: Run::Access(access::logs) },
    ActionHandler { ty: "container", action: "proxy", run: Run::Access(access::proxy) },
    ActionHandler {
        ty: "haConfig",
        action: "createscript",
        run: Run::Access(sources::ha::create_script),
    },
    ActionHandler { ty: "host", action: "evacuate", run: Run::Write(host::evacuate) },
    ActionHandler {
        ty: "password",
        action: "changesecret",
        run: Run::Auth(credential::change_secret),
    },
    ActionHandler {
        ty: "processInstance",
        action: "replay",
        run: Run::Write(sources::processes::replay),
    },
    ActionHandler { ty: "project", action: "setmembers", run: Run::Write(member::set_members) },
    ActionHandler { ty: "service", action: "addservicelink", run: Run::Write(links::add) },
    ActionHandler { ty: "service", action: "removeservicelink", run: Run::Write(links::remove) },
    ActionHandler {
        ty: "service",
        action: "rollbackto",
        run: Run::Outside(upgrade::look_back, upgrade::roll_back_to),
    },
    ActionHandler { ty: "service", action: "setservicelinks", run: Run::Write(links::set) },
    ActionHandler { ty: "snapshot", action: "backup", run: Run::Write(snapshot::back_up) },
    ActionHandler {
        ty: "stack",
        action: "activateservices",
        run: Run::Write(stack::activate_services),
    },
    ActionHandler { ty: "stack", action: "addoutputs", run: Run::Write(stack::add_outputs) },
    ActionHandler {
        ty: "stack",
        action: "bind",
        run: Run::Outside(directory::look, directory::bind),
    },
    ActionHandler {
        ty: "stack",
        action: "deactivateservices",
        run: Run::Write(stack::deactivate_services),
    },
    ActionHandler { ty: "stack", action: "exportconfig", run: Run::Write(stack::export_config) },
    ActionHandler { ty: "stack", action: "readfiles", run: Run::Outdoors(directory::read_files) },
    ActionHandler { ty: "stack", action: "savefile", run: Run::Outdoors(directory::save_file) },
    ActionHandler { ty: "stack", action: "unbind", run: Run::Write(directory::unbind) },
    ActionHandler { ty: "task", action: "execute", run: Run::Write(sources::tasks::execute) },
    ActionHandler { ty: "volume", action: "snapshot", run: Run::Write(snapshot::take) },
    ActionHandler { ty: "webhook", action: "test", run: Run::Write(webhook::test) },
    ActionHandler { ty: "webhookDelivery", action: "replay", run: Run::Write(webhook::replay) },
];

/// The handler of an action: the type's own, else its base's.
pub fn action_handler(entry: &Entry, action: &str) -> Option<&'static ActionHandler> {
    let find = |ty: &str| ACTIONS.iter().find(|row| row.ty == ty && row.action == action);
    find(entry.ty.name).or_else(|| find(entry.base))
}

/// Links, by type.
pub const LINKS: &[LinkHandler] = &[
    LinkHandler::new("auditLog", "authenticatedAsIdentity", sources::audit::authenticated_as)
        .from("authenticatedAsIdentityId"),
    LinkHandler::new("auditLog", "resource", sources::audit::of_resource).from("resourceId"),
    LinkHandler::new("container", "containerStats", access::container_stats),
    LinkHandler::new("container", "stats", access::stats),
    LinkHandler::new("haConfig", "dbdump", sources::ha::dump).needs("createscript"),
    LinkHandler::new("host", "config", host::config).needs("remove").from(host::HAS_CONFIG),
    LinkHandler::new("host", "containerStats", access::host_containers),
    LinkHandler::new("host", "hostStats", access::host_stats),
    LinkHandler::new("host", "stats", access::host_stats),
    LinkHandler::new("hostTemplate", "secretValues", machine::secret_values),
    LinkHandler::new("machine", "config", host::machine_config).needs("remove").from("driver"),
    LinkHandler::new("project", "hostStats", access::project_stats),
    LinkHandler::new("registrationToken", "registrationUrl", agent::registration_url),
    LinkHandler::new("service", "containerStats", access::service_stats),
    LinkHandler::new("sshKey", "pem", credential::pem).from(SECRET),
    LinkHandler::new("stack", "composeConfig", stack::compose_config).needs("exportconfig"),
];

/// Links that only services and the built-in root are shown: type, link.
pub const SECRET_LINKS: &[(&str, &str)] = &[("hostTemplate", "secretValues")];

/// The handler of a link: the type's own, else its base's.
pub fn link_handler(entry: &Entry, link: &str) -> Option<&'static LinkHandler> {
    let find = |ty: &str| LINKS.iter().find(|row| row.ty == ty && row.link == link);
    find(entry.ty.name).or_else(|| find(entry.base))
}

/// Types whose resources have one link for each type that is listed.
pub const LINKS_EVERY_TYPE: &[&str] = &["project"];

/// Types whose lists are short and come whole: no paging, filters or order.
const UNPAGED: &[&str] = &[
    "activeSetting",
    "azureadconfig",
    "githubconfig",
    "identity",
    "ldapconfig",
    "localAuthConfig",
    "openldapconfig",
    "project",
    "setting",
];

/// Whether a type's list comes whole.
pub fn is_unpaged(entry: &Entry) -> bool {
    UNPAGED.contains(&entry.ty.name)
}

/// Writes of access control, by source.
pub const AUTH_WRITERS: &[AuthWriter] = &[
    AuthWriter { source: "azureadConfigs", run: sources::login::write_other },
    AuthWriter { source: "githubconfigs", run: sources::login::write_other },
    AuthWriter { source: "ldapconfigs", run: sources::login::write_other },
    AuthWriter { source: "localAuthConfigs", run: sources::login::write_local },
    AuthWriter { source: "openldapConfigs", run: sources::login::write_other },
];

/// How access control writes to a source, if it does.
pub fn auth_writer(source: &str) -> Option<&'static AuthWriter> {
    AUTH_WRITERS.iter().find(|writer| writer.source == source)
}

/// Sources, by name.
pub const SOURCES: &[Source] = &[
    sources::audit::SOURCE,
    sources::login::TOKENS,
    sources::login::AZURE,
    sources::derived::CLUSTER_HOST_MAPS,
    sources::configs::CONTENTS,
    sources::configs::ITEMS,
    sources::configs::STATUSES,
    sources::system::FACTS,
    sources::system::LOCKS,
    sources::processes::DEFINITIONS,
    sources::derived::UNITS,
    sources::processes::EXECUTIONS,
    sources::registry::POINTS,
    sources::login::GITHUB,
    sources::ha::SOURCE,
    sources::proxy::TOKENS,
    sources::derived::HOST_LABEL_MAPS,
    sources::identities::SOURCE,
    sources::derived::INSTANCE_HOST_MAPS,
    sources::derived::INSTANCE_LABEL_MAPS,
    sources::derived::LABELS,
    sources::login::LDAP,
    sources::login::LOCAL,
    sources::system::MEMBERS,
    sources::system::MIGRATIONS,
    sources::login::OPENLDAP,
    sources::workers::POOLS,
    sources::processes::SOURCE,
    sources::registry::DEFINITIONS,
    sources::derived::INDEXES,
    sources::derived::PROXIES,
    setting::SOURCE,
    directory::SOURCE,
    sources::derived::POOL_HOST_MAPS,
    sources::workers::SUMMARIES,
    sources::tasks::INSTANCES,
    sources::tasks::SOURCE,
    sources::registry::DOCUMENTATION,
    sources::derived::VOLUME_POOL_MAPS,
];

/// The source of this name.
pub fn source(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

/// Visibilities, by base type.
pub const VISIBILITIES: &[Visibility] = &[
    Visibility { ty: "account", sees: project::sees },
    Visibility { ty: "projectMember", sees: member::sees },
];

/// Lists, by type.
pub const LISTERS: &[Lister] = &[
    Lister { ty: "project", list: project::list },
    Lister { ty: "projectTemplate", list: template::list },
    Lister { ty: "register", list: agent::list_registrations },
    Lister { ty: "registrationToken", list: agent::list_tokens },
    Lister { ty: "userPreference", list: preference::list },
];

/// The list of a type, if it has one of its own.
pub fn lister(entry: &Entry) -> Option<&'static Lister> {
    LISTERS.iter().find(|lister| lister.ty == entry.ty.name)
}

/// `{hostId, healthState}` of each host that checks the container.
const HEALTHCHECK_STATES: &[Field] = &[Field::new("healthcheckStates", Kind::Array(&Kind::Json))];

/// Shown with registration tokens, by their presenter.
const WINDOWS_COMMAND: &[Field] = &[Field::new("windowsCommand", Kind::String)];

/// Computers, by base type; those of a type below it only add fields.
pub const COMPUTERS: &[Computer] = &[
    Computer { ty: "account", newer: true, unlisted: &[], run: fields::project },
    Computer { ty: "host", newer: false, unlisted: machine::CONFIGS, run: endpoints::host },
    Computer { ty: "host", newer: false, unlisted: &[], run: host::mark_config },
    Computer { ty: "host", newer: true, unlisted: &[], run: fields::host },
    Computer { ty: "instance", newer: true, unlisted: HEALTHCHECK_STATES, run: fields::container },
    Computer { ty: "physicalHost", newer: false, unlisted: machine::CONFIGS, run: fields::nothing },
    Computer {
        ty: "registrationToken",
        newer: false,
        unlisted: WINDOWS_COMMAND,
        run: fields::nothing,
    },
    Computer { ty: "service", newer: false, unlisted: &[], run: endpoints::service },
    Computer { ty: "service", newer: false, unlisted: &[], run: fields::service },
    Computer { ty: "service", newer: false, unlisted: &[], run: links::linked },
    Computer { ty: "stack", newer: true, unlisted: &[], run: fields::stack },
    Computer { ty: "storagePool", newer: true, unlisted: &[], run: fields::storage_pool },
    Computer { ty: "volume", newer: true, unlisted: &[], run: fields::volume },
];

/// Guards, by base type.
pub const GUARDS: &[Guard] = &[
    Guard { ty: "account", run: project::guard },
    Guard { ty: "host", run: host::guard },
    Guard { ty: "instance", run: container::guard },
    Guard { ty: "projectMember", run: member::guard },
    Guard { ty: "service", run: host::guard_system },
    Guard { ty: "stack", run: host::guard_system },
    Guard { ty: "stack", run: directory::guard },
    Guard { ty: "volume", run: snapshot::guard },
];

/// Fields that depend on the request, by base type.
pub const PRESENTERS: &[Presenter] = &[Presenter { ty: "credential", run: agent::show_tokens }];

/// Live fields, by base type.
pub const LIVE: &[Live] = &[Live { ty: "host", run: streams::live::hosts }];

/// Whether rows of a type show what changes without a commit.
pub fn is_live(entry: &Entry) -> bool {
    LIVE.iter().any(|live| live.ty == entry.base)
        || PRESENTERS.iter().any(|presenter| presenter.ty == entry.base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{registry, schema};

    #[test]
    fn rows_name_known_types_and_are_sorted() {
        assert!(HOOKS.is_sorted_by_key(|row| row.ty));
        assert!(ACTIONS.is_sorted_by_key(|row| (row.ty, row.action)));
        assert!(LINKS.is_sorted_by_key(|row| (row.ty, row.link)));
        assert!(SOURCES.is_sorted_by_key(|row| row.name));
        assert!(AUTH_WRITERS.is_sorted_by_key(|row| row.source));
        assert!(VISIBILITIES.is_sorted_by_key(|row| row.ty));
        assert!(COMPUTERS.is_sorted_by_key(|row| row.ty));
        assert!(GUARDS.is_sorted_by_key(|row| row.ty));
        assert!(LIVE.is_sorted_by_key(|row| row.ty));
        assert!(PRESENTERS.is_sorted_by_key(|row| row.ty));
        assert!(LISTERS.is_sorted_by_key(|row| row.ty));
        let named = HOOKS
            .iter()
            .map(|row| row.ty)
            .chain(VISIBILITIES.iter().map(|row| row.ty))
            .chain(COMPUTERS.iter().map(|row| row.ty))
            .chain(GUARDS.iter().map(|row| row.ty))
            .chain(LIVE.iter().map(|row| row.ty))
            .chain(PRESENTERS.iter().map(|row| row.ty))
            .chain(LISTERS.iter().map(|row| row.ty))
            .chain(LINKS_EVERY_TYPE.iter().copied());
        for ty in named {
            assert!(registry::lookup(ty).is_some(), "{ty}");
        }
        for row in ACTIONS {
            let entry = registry::lookup(row.ty).expect(row.ty);
            let declared = entry.ty.actions.iter().any(|action| action.name == row.action);
            assert!(declared, "{}.{}", row.ty, row.action);
        }
        for row in LINKS {
            let entry = registry::lookup(row.ty).expect(row.ty);
            let declared = entry.ty.links.iter().any(|link| link.name() == row.link);
            assert!(declared, "{}.{}", row.ty, row.link);
            let unseen = [host::HAS_CONFIG, SECRET].contains(&row.from);
            let known = unseen || entry.field(row.from).is_some();
            assert!(row.from.is_empty() || known, "{}", row.link);
            let mut actions = entry.ty.actions.iter();
            assert!(
                row.needs.is_empty() || actions.any(|own| own.name == row.needs),
                "{}",
                row.link
            );
        }
    }

    #[test]
    fn every_computed_type_has_a_source() {
        // These are served by routes of their own.
        let routed = ["adoptions", "publish", "schemas", "stackPlans", "subscribe", "tokens"];
        for entry in registry::registry().all() {
            if let schema::Source::Computed(name) = entry.ty.source
                && !routed.contains(&name)
            {
                assert!(source(name).is_some(), "{name}");
            }
        }
    }
}
