//! What a receiver does, as it is given and kept: checked here, before anything is made of it. Pure.

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More.
    Up,
    /// Fewer.
    Down,
}

/// How far, and between what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Where to.
    pub direction: Direction,
    /// How many at once.
    pub amount: i64,
    /// Never fewer.
    pub min: i64,
    /// Never more.
    pub max: i64,
}

impl Steps {
    /// The number after one more call.
    ///
    /// # Errors
    /// 400 when it is out of bounds: nothing is done halfway.
    pub fn from(&self, what: &str, now: i64) -> Result<i64> {
        let (next, bound, word) = match self.direction {
            Direction::Up => (now.saturating_add(self.amount), self.max, "most"),
            Direction::Down => (now.saturating_sub(self.amount), self.min, "least"),
        };
        let fits = match self.direction {
            Direction::Up => next <= self.max,
            Direction::Down => next >= self.min,
        };
        if fits {
            return Ok(next);
        }
        Err(bad(format!(
            "{what} has {now}; {next} is out of bounds, it is to have {bound} at {word}"
        )))
    }
}

/// Which hosts go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The youngest.
    MostRecent,
    /// The oldest.
    LeastRecent,
}

/// Labels that must all be there.
pub type Selector = Vec<(String, String)>;

/// What a receiver does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// Changes the scale of a service.
    ScaleService {
        /// Its id in the API.
        service: String,
        /// How far.
        steps: Steps,
    },
    /// Takes hosts away.
    ScaleHost {
        /// Labels of the hosts.
        selector: Selector,
        /// How far.
        steps: Steps,
        /// Which go first.
        order: Order,
    },
    /// Upgrades services to an image that was pushed.
    ServiceUpgrade {
        /// Labels of launch configurations.
        selector: Selector,
        /// The tag that counts.
        tag: String,
        /// Who tells of the push.
        format: Format,
        /// As in an upgrade.
        batch_size: i64,
        /// Seconds between batches.
        interval_s: i64,
        /// As in an upgrade.
        start_first: bool,
    },
    /// Passes the call on to a service.
    ForwardPost {
        /// `stack/service`.
        service: String,
        /// Its port.
        port: u16,
        /// The path there.
        path: String,
    },
}

/// How a registry tells of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Docker Hub.
    DockerHub,
    /// Alibaba Cloud.
    AliCloud,
    /// Azure.
    Azure,
    /// Docker's own registry and what is built on it: a list of events.
    Registry,
}

impl Format {
    const ALL: &[(&str, Self)] = &[
        ("dockerhub", Self::DockerHub),
        ("alicloud", Self::AliCloud),
        ("azure", Self::Azure),
        ("registry", Self::Registry),
    ];
}

/// 400 for what a receiver cannot be or do.
pub fn bad(message: impl Into<String>) -> Error {
    Error::status(400).message(message)
}

/// The drivers, each with the field that its configuration is in.
pub const DRIVERS: &[(&str, &str)] = &[
    ("forwardPost", "forwardPostConfig"),
    ("scaleHost", "scaleHostConfig"),
    ("scaleService", "scaleServiceConfig"),
    ("serviceUpgrade", "serviceUpgradeConfig"),
];

/// Reads fields of a configuration.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn text(&self, name: &str) -> Result<&str> {
        let text = self.0.get(name).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).ok_or_else(|| bad(format!("`{name}` is missing")))
    }

    /// A whole number, which old clients may send as text.
    fn number(&self, name: &str, usual: Option<i64>) -> Result<i64> {
        match self.0.get(name) {
            None | Some(Value::Null) => usual.ok_or_else(|| bad(format!("`{name}` is missing"))),
            Some(value) => {
                let text = value.as_str().and_then(|text| text.trim().parse().ok());
                let number = value.as_i64().or(text);
                number.ok_or_else(|| bad(format!("`{name}` is {value}, which is no whole number")))
            }
        }
    }

    fn selector(&self, name: &str) -> Result<Selector> {
        let given = self.0.get(name).and_then(Value::as_object);
        let pairs: Option<Selector> = given
            .map(|labels| {
                let pair =
                    |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.into()));
                labels.iter().map(pair).collect::<Option<_>>()
            })
            .unwrap_or_default();
        match pairs {
            Some(pairs) if !pairs.is_empty() => Ok(pairs),
            _ => Err(bad(format!("`{name}` has to name at least one label and its value"))),
        }
    }

    fn steps(&self, min: i64, max: i64) -> Result<Steps> {
        let direction = match self.text("action")? {
            "up" => Direction::Up,
            "down" => Direction::Down,
            other => return Err(bad(format!("`action` is `{other}`; it is to be up or down"))),
        };
        let steps = Steps {
            direction,
            amount: self.number("amount", None)?,
            min: self.number("min", Some(min))?,
            max: self.number("max", Some(max))?,
        };
        match steps {
            Steps { amount: ..=0, .. } => Err(bad("`amount` has to be more than 0")),
            Steps { min: ..0, .. } => Err(bad("`min` has to be 0 or more")),
            Steps { min, max, .. } if max < min => Err(bad("`max` has to be as much as `min`")),
            Steps { .. } => Ok(steps),
        }
    }
}

/// What a driver is to do.
///
/// # Errors
/// 400 with what is wrong.
pub fn read(driver: &str, given: &Map<String, Value>) -> Result<Config> {
    let fields = Fields(given);
    match driver {
        "scaleService" => Ok(Config::ScaleService {
            service: fields.text("serviceId")?.to_owned(),
            steps: fields.steps(1, 100)?,
        }),
        "scaleHost" => Ok(Config::ScaleHost {
            selector: fields.selector("hostSelector")?,
            steps: fields.steps(1, 100)?,
            order: match given.get("deleteOption").and_then(Value::as_str) {
                None | Some("" | "mostRecent") => Order::MostRecent,
                Some("leastRecent") => Order::LeastRecent,
                Some(other) => {
                    return Err(bad(format!(
                        "`deleteOption` is `{other}`; it is to be mostRecent or leastRecent"
                    )));
                }
            },
        }),
        "serviceUpgrade" => {
            let format = match given.get("payloadFormat").and_then(Value::as_str) {
                None | Some("") => "dockerhub",
                Some(format) => format,
            };
            let known = Format::ALL.iter().find(|known| known.0 == format);
            let known =
                known.ok_or_else(|| bad(format!("`payloadFormat` `{format}` is unknown")))?;
            let batch_size = fields.number("batchSize", Some(1))?;
            let interval_s = fields.number("intervalMillis", Some(2))?;
            if batch_size < 1 || !(1..=86_400).contains(&interval_s) {
                return Err(bad("`batchSize` and `intervalMillis` have to be 1 or more"));
            }
            Ok(Config::ServiceUpgrade {
                selector: fields.selector("serviceSelector")?,
                tag: fields.text("tag")?.to_owned(),
                format: known.1,
                batch_size,
                interval_s,
                start_first: given.get("startFirst").and_then(Value::as_bool).unwrap_or(false),
            })
        }
        "forwardPost" => {
            let path = given.get("path").and_then(Value::as_str).unwrap_or("/");
            let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
            if !path.starts_with('/') || !plain {
                return Err(bad(format!("`path` is `{path}`; it has to begin with `/`")));
            }
            let port = u16::try_from(fields.number("port", None)?).ok().filter(|port| *port > 0);
            let service = fields.text("serviceName")?;
            if service.split('/').filter(|part| !part.is_empty()).count() != 2 {
                return Err(bad(format!(
                    "`serviceName` is `{service}`; it is to be `stack/service`"
                )));
            }
            Ok(Config::ForwardPost {
                service: service.to_owned(),
                port: port.ok_or_else(|| bad("`port` has to be from 1 to 65535"))?,
                path: path.to_owned(),
            })
        }
        other => Err(bad(format!(
            "`{other}` is no driver; there are forwardPost, scaleHost, scaleService and \
             serviceUpgrade"
        ))),
    }
}

/// A push to a registry: the image without its tag, and the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Such as `registry.example/cow/web`.
    pub image: String,
    /// Such as `latest`.
    pub tag: String,
}

/// The pushes that a registry tells of.
///
/// # Errors
/// 400 when it says nothing of an image.
pub fn pushes(format: Format, body: &Value) -> Result<Vec<Push>> {
    let text = |from: &Value, path: &str| {
        let text = from.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let push = |image: Option<String>, tag: Option<String>| {
        let (image, tag) = (image?, tag?);
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:".contains(&b));
        (plain(&image) && plain(&tag)).then_some(Push { image, tag })
    };
    let at = |host: Option<String>, name: Option<String>| Some(format!("{}/{}", host?, name?));
    let found: Vec<Push> = match format {
        Format::DockerHub => {
            push(text(body, "/repository/repo_name"), text(body, "/push_data/tag"))
                .into_iter()
                .collect()
        }
        Format::AliCloud => {
            let region = text(body, "/repository/region");
            let host = region.map(|region| format!("registry.{region}.aliyuncs.com"));
            let image = at(host, text(body, "/repository/repo_full_name"));
            push(image, text(body, "/push_data/tag")).into_iter().collect()
        }
        Format::Azure => {
            let image = at(text(body, "/request/host"), text(body, "/target/repository"));
            push(image, text(body, "/target/tag")).into_iter().collect()
        }
        Format::Registry => {
            let events =
                body.get("events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let pushed = events.iter().filter(|event| event["action"] == "push");
            pushed
                .filter_map(|event| {
                    let image = at(text(event, "/request/host"), text(event, "/target/repository"));
                    push(image, text(event, "/target/tag"))
                })
                .collect()
        }
    };
    // A registry also tells of layers, which have no tag.
    if found.is_empty() && format != Format::Registry {
        return Err(bad("the body does not say which tag of which image was pushed"));
    }
    Ok(found)
}

/// The launch configurations of a service with other images, if a label of one is meant: what an upgrade
/// is given.
pub fn upgraded(
    service: &Map<String, Value>,
    selector: &Selector,
    push: &Push,
) -> Option<Map<String, Value>> {
    let image = format!("docker:{}:{}", push.image, push.tag);
    let mut any = false;
    let mut with_image = |config: &Value| {
        let mut config = config.clone();
        let labels = config.get("labels").and_then(Value::as_object);
        let is = |(key, value): &(String, String)| {
            labels.is_some_and(|labels| labels.get(key).and_then(Value::as_str) == Some(value))
        };
        if selector.iter().all(is)
            && let Some(fields) = config.as_object_mut()
        {
            any = true;
            fields.insert("imageUuid".to_owned(), image.clone().into());
            if let Some(labels) = fields.get_mut("labels").and_then(Value::as_object_mut) {
                labels.insert("io.rancher.container.pull_image".to_owned(), "always".into());
            }
        }
        config
    };
    let primary = with_image(service.get("launchConfig")?);
    let sidekicks = service.get("secondaryLaunchConfigs").and_then(Value::as_array);
    let sidekicks: Vec<Value> = sidekicks.into_iter().flatten().map(&mut with_image).collect();
    any.then(|| {
        let mut fields = Map::new();
        fields.insert("launchConfig".to_owned(), primary);
        fields.insert("secondaryLaunchConfigs".to_owned(), json!(sidekicks));
        fields
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn scales_stay_between_their_bounds() {
        let up = Steps { direction: Direction::Up, amount: 2, min: 1, max: 5 };
        let down = Steps { direction: Direction::Down, ..up };
        for (steps, now, expect) in [
            (up, 1, Some(3)),
            (up, 3, Some(5)),
            (up, 4, None),
            (up, i64::MAX, None),
            (down, 5, Some(3)),
            (down, 3, Some(1)),
            (down, 2, None),
        ] {
            assert_eq!(steps.from("service `web`", now).ok(), expect, "{steps:?} from {now}");
        }
        let far = up.from("service `web`", 4).expect_err("too far");
        assert_eq!(far.status, 400);
        assert_eq!(
            far.message.as_deref(),
            Some("service `web` has 4; 6 is out of bounds, it is to have 5 at most")
        );
    }

    #[test]
    fn configurations() {
        let scale = json!({"serviceId": "1s2", "action": "up", "amount": 1});
        let read_as = read("scaleService", &given(scale.clone())).expect("a configuration");
        let steps = Steps { direction: Direction::Up, amount: 1, min: 1, max: 100 };
        assert_eq!(read_as, Config::ScaleService { service: "1s2".to_owned(), steps });
        for (driver, change, expect) in [
            ("nothing", json!({}), "`nothing` is no driver"),
            ("scaleService", json!({"serviceId": ""}), "`serviceId` is missing"),
            ("scaleService", json!({"action": "left"}), "`action` is `left`"),
            ("scaleService", json!({"amount": 0}), "`amount` has to be more than 0"),
            ("scaleService", json!({"amount": "x"}), "`amount` is \"x\", which is no whole number"),
            ("scaleService", json!({"min": -1}), "`min` has to be 0 or more"),
            ("scaleService", json!({"min": 5, "max": 4}), "`max` has to be as much as `min`"),
            ("scaleHost", json!({}), "`hostSelector` has to name"),
            ("scaleHost", json!({"hostSelector": {"a": 1}}), "`hostSelector` has to name"),
            (
                "scaleHost",
                json!({"hostSelector": {"a": "b"}, "deleteOption": "all"}),
                "`deleteOption` is `all`",
            ),
            ("serviceUpgrade", json!({"serviceSelector": {"a": "b"}}), "`tag` is missing"),
            (
                "serviceUpgrade",
                json!({"payloadFormat": "quay"}),
                "`payloadFormat` `quay` is unknown",
            ),
            ("serviceUpgrade", json!({"batchSize": 0}), "`batchSize` and"),
            ("forwardPost", json!({"path": "x"}), "`path` is `x`"),
            ("forwardPost", json!({"serviceName": "web", "port": 1}), "`serviceName` is `web`"),
            ("forwardPost", json!({"serviceName": "a/web", "port": 70_000}), "`port` has to be"),
        ] {
            let mut fields = given(scale.clone());
            fields.extend(given(change.clone()));
            let error = read(driver, &fields).expect_err(driver);
            let message = error.message.unwrap_or_default();
            assert!(message.starts_with(expect), "{driver} {change}: {message}");
            assert_eq!(error.status, 400);
        }
    }

    #[test]
    fn pushes_of_registries() {
        let check = |format, body: Value, expect: Option<&[(&str, &str)]>| {
            let found = pushes(format, &body).ok();
            let found = found.as_ref().map(|all| {
                all.iter().map(|push| (push.image.as_str(), push.tag.as_str())).collect::<Vec<_>>()
            });
            assert_eq!(found.as_deref(), expect, "{body}");
        };
        let hub = json!({"push_data": {"tag": "2"}, "repository": {"repo_name": "cow/web"}});
        check(Format::DockerHub, hub.clone(), Some(&[("cow/web", "2")]));
        check(Format::Azure, hub, None);
        let evil = json!({"push_data": {"tag": "2 x"}, "repository": {"repo_name": "cow/web"}});
        check(Format::DockerHub, evil, None);
        let ali = json!({
            "push_data": {"tag": "2"},
            "repository": {"repo_full_name": "cow/web", "region": "cn-hangzhou"},
        });
        check(Format::AliCloud, ali, Some(&[("registry.cn-hangzhou.aliyuncs.com/cow/web", "2")]));
        let azure = json!({
            "action": "push", "request": {"host": "cow.azurecr.io"},
            "target": {"repository": "web", "tag": "2"},
        });
        check(Format::Azure, azure.clone(), Some(&[("cow.azurecr.io/web", "2")]));
        let pull = json!({"action": "pull", "request": {"host": "x"}, "target": {"repository": "y", "tag": "1"}});
        let layer =
            json!({"action": "push", "request": {"host": "x"}, "target": {"repository": "y"}});
        let events = json!({"events": [pull, layer, azure]});
        check(Format::Registry, events, Some(&[("cow.azurecr.io/web", "2")]));
        check(Format::Registry, json!({}), Some(&[]));
    }

    #[test]
    fn labels_say_which_containers_get_the_image() {
        let service = given(json!({
            "launchConfig": {"imageUuid": "docker:cow/web:1", "labels": {"app": "web"}},
            "secondaryLaunchConfigs": [{"name": "log", "imageUuid": "docker:log", "labels": {"app": "log"}}],
        }));
        let push = Push { image: "cow/web".to_owned(), tag: "2".to_owned() };
        let with =
            |value: &str| upgraded(&service, &vec![("app".to_owned(), value.to_owned())], &push);
        let web = with("web").expect("an upgrade");
        assert_eq!(web["launchConfig"]["imageUuid"], "docker:cow/web:2");
        assert_eq!(
            web["launchConfig"]["labels"],
            json!({"app": "web", "io.rancher.container.pull_image": "always"})
        );
        assert_eq!(web["secondaryLaunchConfigs"][0]["imageUuid"], "docker:log");
        let log = with("log").expect("an upgrade");
        assert_eq!(log["launchConfig"]["imageUuid"], "docker:cow/web:1");
        assert_eq!(log["secondaryLaunchConfigs"][0]["imageUuid"], "docker:cow/web:2");
        assert_eq!(with("other"), None);
    }
}
