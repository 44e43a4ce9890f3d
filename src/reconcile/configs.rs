//! The order in which the containers of a unit are made.

use super::facts::{Config, Desired};

/// Positions of the configurations, each after those it depends on; otherwise as given.
///
/// # Errors
/// A sentence naming the service, if they depend on each other in a circle or on one that is not
/// there.
pub(super) fn creation_order(desired: &Desired<'_>) -> Result<Vec<usize>, String> {
    let configs = &desired.configs;
    let mut order = Vec::with_capacity(configs.len());
    let mut placed = vec![false; configs.len()];
    while order.len() < configs.len() {
        let before = order.len();
        for (position, config) in configs.iter().enumerate() {
            let is_placed = |at: &usize| placed.get(*at).copied().unwrap_or(false);
            if !is_placed(&position) && config.after.iter().all(is_placed) {
                order.push(position);
                if let Some(slot) = placed.get_mut(position) {
                    *slot = true;
                }
            }
        }
        if order.len() == before {
            return Err(circle(desired, &placed));
        }
    }
    Ok(order)
}

fn circle(desired: &Desired<'_>, placed: &[bool]) -> String {
    let stuck: Vec<String> = desired
        .configs
        .iter()
        .zip(placed)
        .filter(|(_, placed)| !**placed)
        .map(|(config, _)| format!("`{}`", title(desired, config)))
        .collect();
    format!(
        "the launch configurations {} of service `{}` depend on each other or on one that does \
         not exist",
        stuck.join(", "),
        desired.service_name
    )
}

/// A configuration's name for a person: the primary is called like its service.
fn title<'a>(desired: &Desired<'a>, config: &'a Config) -> &'a str {
    config.name.as_deref().unwrap_or(desired.service_name)
}

/// The position of the configuration with this name; `None` is the primary's.
pub(super) fn position(configs: &[Config], name: Option<&str>) -> Option<usize> {
    configs.iter().position(|config| config.name.as_deref() == name)
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Mode, Rollout, Scale, Strategy};
    use super::*;

    fn check(configs: &[(&str, &[usize])], expected: Result<&[usize], &str>) {
        let configs = configs
            .iter()
            .map(|(name, after)| Config {
                name: (*name != "web").then(|| (*name).to_owned()),
                after: after.to_vec(),
                ..Config::default()
            })
            .collect();
        let desired = Desired {
            service_uuid: "s",
            stack_name: "blog",
            service_name: "web",
            scale: Scale::Fixed(1),
            configs,
            mode: Mode::Running,
            rollout: Rollout::default(),
            strategy: Strategy::Recreate,
            retry_since: 0,
        };
        let expected = expected.map(<[usize]>::to_vec).map_err(str::to_owned);
        assert_eq!(creation_order(&desired), expected);
    }

    #[test]
    fn providers_come_first() {
        check(&[("web", &[])], Ok(&[0]));
        check(&[("web", &[1]), ("data", &[])], Ok(&[1, 0]));
        check(&[("web", &[1]), ("data", &[2]), ("disk", &[])], Ok(&[2, 1, 0]));
        check(&[("web", &[]), ("a", &[0]), ("b", &[0])], Ok(&[0, 1, 2]));
    }

    #[test]
    fn circles_and_gaps_are_named() {
        check(
            &[("web", &[1]), ("data", &[0]), ("free", &[])],
            Err(
                "the launch configurations `web`, `data` of service `web` depend on each other or \
                 on one that does not exist",
            ),
        );
        check(
            &[("web", &[7])],
            Err("the launch configurations `web` of service `web` depend on each other or on one \
                 that does not exist"),
        );
    }
}
