//! Compose files as people have them for well-known applications; none may be refused.

use expect_test::{Expect, expect};

use super::*;

/// Reads a fixture; its only findings are these warnings.
fn check_fixture(name: &str, text: &str, expect: Expect) {
    let mut files = BTreeMap::from([("compose.yaml".to_owned(), text.as_bytes().to_vec())]);
    for extra in [".env", "app.env", "db_password.txt", "prometheus.yml", "nginx.conf"] {
        files.insert(extra.to_owned(), b"SOME=thing\n".to_vec());
    }
    let mut load = files_loader(&files);
    let project = parse(&input(&files), &mut load);
    assert!(!project.has_errors(), "{name}:\n{}", problems(&project));
    let services: Vec<String> = project
        .services
        .iter()
        .map(|service| {
            let sidekicks = service.secondary_launch_configs.iter();
            let sidekicks =
                sidekicks.map(|sidekick| format!("+{}", sidekick["name"].as_str().unwrap()));
            format!("{}{}", service.name, sidekicks.collect::<String>())
        })
        .collect();
    expect.assert_eq(&format!("{}\n{}", services.join(" "), problems(&project)));
}

macro_rules! fixtures {
    ($($name:ident: $expect:expr;)*) => {$(
        #[test]
        fn $name() {
            let file = concat!(stringify!($name), ".yaml");
            check_fixture(file, include_str!(concat!("fixtures/", stringify!($name), ".yaml")), $expect);
        }
    )*};
}

fixtures! {
    analytics: expect![[r#"
        analytics-db analytics-events-db analytics
        compose.yaml:2: warning: services.analytics_db: the service is called `analytics-db` here
        compose.yaml:11: warning: services.analytics_db.healthcheck.start_period: has no effect: failures while starting count like later ones
        compose.yaml:13: warning: services.analytics_events_db: the service is called `analytics-events-db` here
    "#]];
    catalog: expect![[r#"
        wordpress-lb wordpress+wordpress-data
    "#]];
    dns: expect![[r#"
        pihole unbound
        compose.yaml:26: warning: services.pihole.networks.dns_net.ipv4_address: the address is given by the environment's network
        compose.yaml:33: warning: services.unbound.networks.dns_net.ipv4_address: the address is given by the environment's network
        compose.yaml:39: warning: services.unbound.healthcheck.start_period: has no effect: failures while starting count like later ones
        compose.yaml:45: warning: networks.dns_net.ipam: has no effect: the environment's network is used
    "#]];
    git: expect![[r#"
        server db
    "#]];
    login: expect![[r#"
        postgresql server worker
        compose.yaml:7: warning: services.postgresql.healthcheck.start_period: has no effect: failures while starting count like later ones
    "#]];
    media: expect![[r#"
        gluetun+qbittorrent sonarr jellyfin
        compose.yaml:29: warning: services.qbittorrent.network_mode: the service runs beside `gluetun` as its sidekick: it uses the network of `gluetun`
    "#]];
    monitoring: expect![[r#"
        prometheus nodeexporter cadvisor grafana
    "#]];
    nextcloud: expect![[r#"
        db redis app cron
    "#]];
    paperless: expect![[r#"
        broker db webserver gotenberg tika
    "#]];
    passwords: expect![[r#"
        vaultwarden caddy
    "#]];
    photos: expect![[r#"
        photos-server photos-machine-learning redis database
        compose.yaml:54: warning: services.database.healthcheck.start_interval: has no effect: failures while starting count like later ones
        compose.yaml:55: warning: services.database.healthcheck.start_period: has no effect: failures while starting count like later ones
    "#]];
    smart_home: expect![[r#"
        homeassistant mosquitto zigbee2mqtt
    "#]];
    social: expect![[r#"
        db redis web migrate sidekiq
        compose.yaml:67: warning: networks.internal_network: the services of this network keep their way out: all services of an environment share one network
    "#]];
    traefik: expect![[r#"
        traefik whoami
    "#]];
    wordpress: expect![[r#"
        wordpress db
    "#]];
}
