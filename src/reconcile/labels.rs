//! Labels of a service's containers (services.md, section 4).

use std::collections::BTreeMap;

use crate::model::names::{PRIMARY_LAUNCH_CONFIG, label};

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// What container they are for.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Name of the stack.
    pub stack: &'a str,
    /// Name of the service.
    pub service: &'a str,
    /// `None` for the primary.
    pub sidekick: Option<&'a str>,
    /// Uuid of the deployment unit.
    pub unit: &'a str,
    /// The host a global service's unit is for.
    pub host: Option<i64>,
    /// Uuid of the environment.
    pub environment: &'a str,
    /// The service or its stack is infrastructure.
    pub system: bool,
}

/// All labels of a container.
///
/// `own` are those of its launch configuration; `placement` the `io.rancher.scheduler.*` labels of
/// all configurations of its service, merged, which decide together where a unit goes. Labels that
/// identify the container win over what a user wrote.
pub fn labels<'a>(
    place: &Place<'_>,
    own: impl IntoIterator<Item = (&'a str, &'a str)>,
    placement: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Labels {
    let full_name = match place.sidekick {
        Some(sidekick) => format!("{}/{}/{sidekick}", place.stack, place.service),
        None => format!("{}/{}", place.stack, place.service),
    };
    let host = place.host.map(|host| host.to_string());
    let identity = [
        (label::STACK_NAME, place.stack),
        (label::PROJECT_NAME, place.stack),
        (label::STACK_SERVICE_NAME, &full_name),
        (label::PROJECT_SERVICE_NAME, &full_name),
        (label::DEPLOYMENT_UNIT, place.unit),
        (label::ENVIRONMENT_UUID, place.environment),
        (label::LAUNCH_CONFIG, place.sidekick.unwrap_or(PRIMARY_LAUNCH_CONFIG)),
    ];
    let on_request = host.as_deref().map(|host| (label::REQUESTED_HOST, host));
    let on_system = place.system.then_some((label::SYSTEM, "true"));
    own.into_iter()
        .chain(placement)
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .chain(
            identity
                .into_iter()
                .chain(on_request)
                .chain(on_system)
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const WEB: Place<'_> = Place {
        stack: "blog",
        service: "web",
        sidekick: None,
        unit: "u-1",
        host: None,
        environment: "e-1",
        system: false,
    };

    fn check(place: Place<'_>, own: &[(&str, &str)], placement: &[(&str, &str)], expected: Expect) {
        let labels = labels(&place, own.iter().copied(), placement.iter().copied());
        let lines: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_primary_is_found_by_its_names() {
        check(
            WEB,
            &[("Tier", "front")],
            &[],
            expect![[r#"
                Tier=front
                io.rancher.environment.uuid=e-1
                io.rancher.project.name=blog
                io.rancher.project_service.name=blog/web
                io.rancher.service.deployment.unit=u-1
                io.rancher.service.launch.config=io.rancher.service.primary.launch.config
                io.rancher.stack.name=blog
                io.rancher.stack_service.name=blog/web"#]],
        );
    }

    #[test]
    fn a_global_sidekick_of_the_system_says_so() {
        check(
            Place { sidekick: Some("logs"), host: Some(5), system: true, ..WEB },
            &[],
            &[("io.rancher.scheduler.global", "true")],
            expect![[r#"
                io.rancher.container.system=true
                io.rancher.environment.uuid=e-1
                io.rancher.project.name=blog
                io.rancher.project_service.name=blog/web/logs
                io.rancher.scheduler.global=true
                io.rancher.service.deployment.unit=u-1
                io.rancher.service.launch.config=logs
                io.rancher.service.requested.host.id=5
                io.rancher.stack.name=blog
                io.rancher.stack_service.name=blog/web/logs"#]],
        );
    }

    #[test]
    fn merged_placement_and_identity_win_over_what_a_user_wrote() {
        let affinity = "io.rancher.scheduler.affinity:host_label";
        check(
            WEB,
            &[(affinity, "gpu=true"), ("io.rancher.stack.name", "mine")],
            &[(affinity, "gpu=true,disk=ssd")],
            expect![[r#"
                io.rancher.environment.uuid=e-1
                io.rancher.project.name=blog
                io.rancher.project_service.name=blog/web
                io.rancher.scheduler.affinity:host_label=gpu=true,disk=ssd
                io.rancher.service.deployment.unit=u-1
                io.rancher.service.launch.config=io.rancher.service.primary.launch.config
                io.rancher.stack.name=blog
                io.rancher.stack_service.name=blog/web"#]],
        );
    }
}
