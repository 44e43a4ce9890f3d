//! Where ordinary roles depart from what the declarations of the types say: one row a departure, by type.
//!
//! The rows follow Rancher's own schema files for each role. Adding one is adding a line; a test proves
//! that they are sorted and name things that exist.

use super::Verb::{Create, Get, List};
use super::rule::{Row, Rule, row};
use crate::auth::caller::Role::{
    Environment, Owner, ProjectAdmin, ReadOnly, Restricted, Service, User,
};

/// Every departure, by type.
pub(super) const DEPARTURES: &[Row] = &[
    row("certificate", &[ProjectAdmin], Rule::Fields("cru", &["key"])),
    row("composeProject", &[Owner], Rule::Fields("cru", &["system"])),
    row("composeService", &[ProjectAdmin], Rule::Action("certificate")),
    row("container", &[ReadOnly], Rule::Fields("", &["environment"])),
    row("container", &[Environment, ProjectAdmin], Rule::Fields("", &["secrets"])),
    row("dnsService", &[ProjectAdmin], Rule::Action("certificate")),
    row("externalService", &[ProjectAdmin], Rule::Action("certificate")),
    row("genericObject", &[User], Rule::Verbs(&[List, Get])),
    row("host", &[Restricted], Rule::Verbs(&[List, Get])),
    row("host", &[Restricted], Rule::NoActions),
    row("hostTemplate", &[Service], Rule::Fields("cr", &["secretValues"])),
    row("kubernetesService", &[ProjectAdmin], Rule::Action("certificate")),
    row("kubernetesStack", &[Owner], Rule::Fields("cru", &["system"])),
    row("launchConfig", &[ReadOnly], Rule::Fields("", &["environment"])),
    row("launchConfig", &[Environment, ProjectAdmin], Rule::Fields("", &["secrets"])),
    row("loadBalancerService", &[ProjectAdmin], Rule::Action("certificate")),
    row("machine", &[Restricted], Rule::NoActions),
    row("networkDriverService", &[ProjectAdmin], Rule::Action("certificate")),
    row("physicalHost", &[Restricted], Rule::NoActions),
    row("project", &[Service], Rule::Verbs(&[List, Create, Get])),
    row("project", &[Service], Rule::Fields("cr", &["description", "name"])),
    row("projectMember", &[Service], Rule::Verbs(&[List, Get])),
    row("projectTemplate", &[Service], Rule::Verbs(&[List, Get])),
    row("publicEndpoint", &[Service], Rule::Verbs(&[Get])),
    row("registrationToken", &[Restricted, ReadOnly], Rule::Hidden),
    row("registryCredential", &[ProjectAdmin], Rule::Fields("cru", &["secretValue"])),
    row("secondaryLaunchConfig", &[ReadOnly], Rule::Fields("", &["environment"])),
    row("secondaryLaunchConfig", &[Environment, ProjectAdmin], Rule::Fields("", &["secrets"])),
    row("secret", &[Environment, ProjectAdmin], Rule::Hidden),
    row("secretReference", &[Environment, ProjectAdmin], Rule::Hidden),
    row("service", &[ProjectAdmin], Rule::Action("certificate")),
    row("stack", &[Owner], Rule::Fields("cru", &["system"])),
    row("storageDriverService", &[ProjectAdmin], Rule::Action("certificate")),
    row("userPreference", &[Service], Rule::Hidden),
];
