//! A balancer's configuration in the metadata service's words: names where rows have ids.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Names by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// `stack/service`.
    pub services: BTreeMap<i64, String>,
    /// Certificates.
    pub certificates: BTreeMap<i64, String>,
    /// Containers.
    pub containers: BTreeMap<i64, String>,
}

/// Fields of a rule that are passed on: here, and in the metadata service.
const PASSED: &[(&str, &str)] = &[
    ("sourcePort", "source_port"),
    ("path", "path"),
    ("hostname", "hostname"),
    ("protocol", "protocol"),
    ("targetPort", "target_port"),
    ("priority", "priority"),
    ("backendName", "backend_name"),
    ("selector", "selector"),
    ("weight", "weight"),
    ("environment", "environment"),
    ("region", "region"),
];

fn rules(config: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let rules = config.get("portRules").and_then(Value::as_array);
    rules.into_iter().flatten().filter_map(Value::as_object)
}

fn number(map: &Map<String, Value>, field: &str) -> Option<i64> {
    map.get(field).and_then(Value::as_i64)
}

/// Ids of the services that the rules lead to.
pub fn services(config: &Map<String, Value>) -> Vec<i64> {
    rules(config).filter_map(|rule| number(rule, "serviceId")).collect()
}

/// Ids of the containers that the rules lead to.
pub fn containers(config: &Map<String, Value>) -> Vec<i64> {
    rules(config).filter_map(|rule| number(rule, "containerId")).collect()
}

fn certificate_ids(config: &Map<String, Value>) -> impl Iterator<Item = i64> {
    let ids = config.get("certificateIds").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(Value::as_i64)
}

/// Ids of the certificates.
pub fn certificates(config: &Map<String, Value>) -> Vec<i64> {
    certificate_ids(config).chain(number(config, "defaultCertificateId")).collect()
}

/// What is told. A rule whose target is gone is left out.
pub fn shown(config: &Map<String, Value>, names: &Names) -> Value {
    let rules: Vec<Value> = rules(config).filter_map(|own| rule(own, names)).collect();
    let certs: Vec<&String> =
        certificate_ids(config).filter_map(|id| names.certificates.get(&id)).collect();
    let default = number(config, "defaultCertificateId");
    let given = |field: &str| config.get(field).cloned().unwrap_or_default();
    json!({
        "port_rules": rules,
        "certs": certs,
        "default_cert": default.and_then(|id| names.certificates.get(&id)),
        "stickiness_policy": given("stickinessPolicy"),
        "config": given("config"),
    })
}

fn rule(rule: &Map<String, Value>, names: &Names) -> Option<Value> {
    let named = |field: &str, of: &BTreeMap<i64, String>| match number(rule, field) {
        Some(id) => of.get(&id).cloned().map(Value::from),
        None => Some(Value::Null),
    };
    let mut shown: Map<String, Value> = PASSED
        .iter()
        .map(|(here, there)| ((*there).to_owned(), rule.get(*here).cloned().unwrap_or_default()))
        .collect();
    shown.insert("service".to_owned(), named("serviceId", &names.services)?);
    shown.insert("container".to_owned(), named("containerId", &names.containers)?);
    Some(shown.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn ids_become_names_and_fields_are_written_as_rancher_does() {
        let config = object(json!({
            "portRules": [
                {"sourcePort": 80, "serviceId": 7, "targetPort": 8080, "hostname": "a.example",
                 "protocol": "http", "priority": 1, "backendName": "shop"},
                {"sourcePort": 81, "selector": "tier=web", "protocol": "tcp", "weight": 3},
                {"sourcePort": 82, "serviceId": 8, "targetPort": 1},
                {"sourcePort": 83, "containerId": 9, "targetPort": 1},
            ],
            "certificateIds": [3, 4, 5],
            "defaultCertificateId": 5,
            "stickinessPolicy": {"mode": "insert"},
            "config": "global",
        }));
        assert_eq!(services(&config), [7, 8]);
        assert_eq!(certificates(&config), [3, 4, 5, 5]);
        assert_eq!(containers(&config), [9]);
        let names = Names {
            services: [(7, "Blog/Web".to_owned())].into(),
            certificates: [(3, "three".to_owned()), (5, "five".to_owned())].into(),
            containers: [(9, "lone".to_owned())].into(),
        };
        let told = shown(&config, &names);
        let rule = |port: i64| {
            let rules = told["port_rules"].as_array().unwrap();
            rules.iter().find(|rule| rule["source_port"] == port).cloned()
        };
        assert_eq!(
            rule(80),
            Some(json!({
                "source_port": 80, "path": null, "hostname": "a.example", "protocol": "http",
                "target_port": 8080, "priority": 1, "backend_name": "shop", "selector": null,
                "weight": null, "environment": null, "region": null,
                "service": "Blog/Web", "container": null,
            }))
        );
        assert_eq!(rule(81).map(|rule| rule["selector"].clone()), Some(json!("tier=web")));
        assert_eq!(rule(82), None, "its service is gone");
        assert_eq!(rule(83).map(|rule| rule["container"].clone()), Some(json!("lone")));
        assert_eq!(
            (&told["certs"], &told["default_cert"]),
            (&json!(["three", "five"]), &json!("five"))
        );
        assert_eq!(
            (&told["stickiness_policy"]["mode"], &told["config"]),
            (&json!("insert"), &json!("global"))
        );
    }

    #[test]
    fn a_service_says_where_it_wants_to_be() {
        let told =
            shown(&object(json!({"portRules": [{"hostname": "b.example"}]})), &Names::default());
        assert_eq!(told["port_rules"][0]["hostname"], "b.example");
        assert_eq!(
            (&told["certs"], &told["default_cert"], &told["config"]),
            (&json!([]), &json!(null), &json!(null))
        );
    }
}
