//! Rancher's own files: two generations, balancers, sidekicks, special images.

use expect_test::expect;

use super::{check, check_problems};

const GENERATION_ONE: &str = r#"
web:
  image: nginx
  links: ["db:database"]
  external_links: ["other/cache:cache"]
  net: host
  log_driver: json-file
  log_opt: {max-size: 1m}
  volumes: ["data:/data"]
  volume_driver: rancher-nfs
  labels:
    io.rancher.scheduler.affinity:host_label: disk=ssd
    io.rancher.container.pull_image: always
db:
  image: postgres
  restart: always
alias:
  image: rancher/dns-service
  links: [db]
outside:
  image: rancher/external-service
mail:
  image: rancher/external-service
=== rancher-compose.yml
.catalog: {name: x, version: v1}
web:
  scale: 3
  retain_ip: true
  health_check:
    port: 80
    interval: 2000
    response_timeout: 2000
    healthy_threshold: 2
    unhealthy_threshold: 3
    initializing_timeout: 60000
    request_line: GET "/" "HTTP/1.0"
    strategy: recreateOnQuorum
    recreate_on_quorum_strategy_config: {quorum: 1}
  metadata: {a: {b: [1, true, "x", null, 1.5, 0644]}}
  upgrade_strategy: {start_first: false, batch_size: 2, interval_millis: 500}
db:
  scale_policy: {min: 1, max: 3, increment: 2}
  start_on_create: false
  milli_cpu_reservation: 500
  drain_timeout_ms: 1000
outside:
  external_ips: [10.0.0.1, 10.0.0.2]
mail:
  hostname: mail.example.org
  health_check: {port: 25}
"#;

#[test]
fn generation_one_with_rancher_compose() {
    check(
        GENERATION_ONE,
        expect![[r#"
            service web x3
              networkMode: "host"
              logConfig: {"driver":"json-file","config":{"max-size":"1m"}}
              dataVolumes: ["data:/data"]
              volumeDriver: "rancher-nfs"
              healthCheck: {"port":80,"interval":2000,"responseTimeout":2000,"healthyThreshold":2,"unhealthyThreshold":3,"initializingTimeout":60000,"requestLine":"GET \"/\" \"HTTP/1.0\"","strategy":"recreateOnQuorum","recreateOnQuorumStrategyConfig":{"quorum":1}}
              imageUuid: "docker:nginx"
              labels: {"io.rancher.container.pull_image":"always","io.rancher.scheduler.affinity:host_label":"disk=ssd"}
              service.retainIp: true
              service.metadata: {"a":{"b":[1,true,"x",null,1.5,"0644"]}}
              upgrade.startFirst: false
              upgrade.batchSize: 2
              upgrade.intervalMillis: 500
              link db as database
              link other/cache as cache
            service db stopped
              restartPolicy: {"name":"always"}
              milliCpuReservation: 500
              drainTimeoutMs: 1000
              imageUuid: "docker:postgres"
              service.scalePolicy: {"min":1,"max":3,"increment":2}
            dnsService alias
              imageUuid: "docker:rancher/dns-service"
              link db as db
            externalService outside
              imageUuid: "docker:rancher/external-service"
              service.externalIpAddresses: ["10.0.0.1","10.0.0.2"]
            externalService mail
              imageUuid: "docker:rancher/external-service"
              service.hostname: "mail.example.org"
              service.healthCheck: {"port":25}
        "#]],
    );
}

#[test]
fn sidekicks_by_label() {
    check(
        r#"
version: '2'
services:
  app_main:
    image: app
    labels: {io.rancher.sidekicks: "data_box, logger"}
    volumes_from: [data_box]
    links: [db]
    secrets: [key]
  data_box:
    image: busybox
    volumes: [/data]
    command: "true"
    labels: {io.rancher.container.start_once: "true"}
  logger:
    build: ./logger
    network_mode: container:app_main
    volumes_from: [data_box]
    links: ["db:database"]
    depends_on: [app_main, db]
    secrets: [key]
  db: {image: pg}
secrets: {key: {external: true}}
=== rancher-compose.yml
version: '2'
services:
  app_main: {scale: 2}
  logger: {health_check: {port: 9000}, scale: 5}
"#,
        expect![[r#"
            service app-main x2
              imageUuid: "docker:app"
              netAlias: ["app_main"]
              labels: {"io.rancher.sidekicks":"data-box,logger"}
              dataVolumesFromLaunchConfigs: ["data-box"]
              data-box/dataVolumes: ["/data"]
              data-box/command: ["true"]
              data-box/imageUuid: "docker:busybox"
              data-box/netAlias: ["data_box"]
              data-box/labels: {"io.rancher.container.start_once":"true"}
              data-box/name: "data-box"
              logger/healthCheck: {"port":9000}
              logger/imageUuid: "docker:logger"
              logger/networkMode: "container"
              logger/networkLaunchConfig: "app-main"
              logger/dataVolumesFromLaunchConfigs: ["data-box"]
              logger/name: "logger"
              link db as db
              link db as database
              needs db Started
              build logger{"context":"logger","dockerfile":null,"dockerfileInline":null,"args":{},"labels":{},"target":null,"cacheFrom":[],"extraHosts":[],"shmSize":null,"network":null,"platform":null,"noCache":false,"pull":false,"tag":"logger","extraTags":[]}
              file {"kind":"secret","source":"key","target":"/run/secrets/key","uid":null,"gid":null,"mode":null,"sidekick":null}
              file {"kind":"secret","source":"key","target":"/run/secrets/key","uid":null,"gid":null,"mode":null,"sidekick":"logger"}
            service db
              imageUuid: "docker:pg"
            secret key: external key
            compose.yaml:10: warning: services.data_box: the service is called `data-box` here
            rancher-compose.yml:3: warning: services.app_main: the service is called `app-main` here
            rancher-compose.yml:4: warning: services.logger.scale: has no effect: a sidekick runs as often as its service
        "#]],
    );
}

#[test]
fn a_shared_network_makes_a_sidekick() {
    check(
        r#"
services:
  vpn:
    image: gluetun
    container_name: gluetun
    ports: ["8080:8080"]
  torrent:
    image: qbittorrent
    network_mode: service:vpn
    depends_on: {vpn: {condition: service_healthy}}
    ports: ["6881:6881"]
  indexer:
    image: prowlarr
    network_mode: container:gluetun
  ui:
    image: ui
    depends_on: [torrent]
    links: [torrent]
"#,
        expect![[r#"
            service vpn
              ports: ["8080:8080/tcp"]
              imageUuid: "docker:gluetun"
              netAlias: ["gluetun"]
              torrent/imageUuid: "docker:qbittorrent"
              torrent/networkMode: "container"
              torrent/networkLaunchConfig: "vpn"
              torrent/name: "torrent"
              indexer/imageUuid: "docker:prowlarr"
              indexer/networkMode: "container"
              indexer/networkLaunchConfig: "vpn"
              indexer/name: "indexer"
            service ui
              imageUuid: "docker:ui"
              link vpn as torrent
              needs vpn Started
            compose.yaml:9: warning: services.torrent.network_mode: the service runs beside `vpn` as its sidekick: it uses the network of `vpn`
            compose.yaml:11: warning: services.torrent.ports: has no effect: publish them at the service that lends its network
            compose.yaml:14: warning: services.indexer.network_mode: the service runs beside `vpn` as its sidekick: it uses the network of `gluetun`
        "#]],
    );
}

#[test]
fn sidekicks_that_cannot_be() {
    check_problems(
        r#"
services:
  a: {image: x, labels: {io.rancher.sidekicks: "b, gone, a"}}
  b: {image: x}
  c: {image: x, labels: {io.rancher.sidekicks: b}}
  d: {image: x, labels: {io.rancher.sidekicks: e}}
  e: {image: x, network_mode: "service:c"}
  f: {image: rancher/dns-service}
  g: {image: x, labels: {io.rancher.sidekicks: f}}
  lb:
    image: rancher/lb-service-haproxy
    lb_config: {port_rules: [{source_port: 80, service: b, target_port: 80}]}
"#,
        expect![[r#"
            compose.yaml:3: error: services.a.labels: sidekick `gone` is not a service of this file
            compose.yaml:3: error: services.a.labels: service `a` would be a sidekick of itself
            compose.yaml:5: error: services.c.labels: `b` is a sidekick of `a` already
            compose.yaml:7: error: services.e.network_mode: `c` is no sidekick of `d`, as this service is
            compose.yaml:8: error: services.f: only ordinary services can be sidekicks
            compose.yaml:12: error: services.lb.lb_config.port_rules[0].service: sidekick `b` cannot be the target of a balancer
        "#]],
    );
}

#[test]
fn balancers() {
    check(
        r#"
version: '2'
services:
  lb:
    image: rancher/lb-service-haproxy:v0.7.15
    ports: ["80:80/tcp", "443"]
  target:
    image: app
  web_app: {image: app}
=== rancher-compose.yml
version: '2'
services:
  lb:
    scale: 1
    lb_config:
      certs: [shop, other]
      default_cert: shop
      config: |-
        defaults
          timeout client 1h
      port_rules:
        - {source_port: 80, protocol: http, service: web_app, target_port: 8080, hostname: a.example.org, path: /x, priority: 1, weight: 5, backend_name: be}
        - {source_port: 443, protocol: https, selector: "role=web"}
        - {source_port: 80, service: other/web, target_port: 80}
      stickiness_policy: {name: s, cookie: c, mode: insert, indirect: true}
  target:
    lb_config: {port_rules: [{hostname: t.example.org, target_port: 80}]}
"#,
        expect![[r#"
            loadBalancerService lb x1
              ports: ["80:80/tcp","443:443/tcp"]
              imageUuid: "docker:rancher/lb-service-haproxy:v0.7.15"
              service.lbConfig: {"certs":["shop","other"],"defaultCert":"shop","config":"defaults\n  timeout client 1h","portRules":[{"sourcePort":80,"protocol":"http","service":"web-app","targetPort":8080,"hostname":"a.example.org","path":"/x","priority":1,"weight":5,"backendName":"be"},{"sourcePort":443,"protocol":"https","selector":"role=web"},{"sourcePort":80,"service":"other/web","targetPort":80,"protocol":"http"}],"stickinessPolicy":{"name":"s","cookie":"c","mode":"insert","indirect":true}}
            service target
              imageUuid: "docker:app"
              service.lbConfig: {"portRules":[{"hostname":"t.example.org","targetPort":80}]}
            service web-app
              imageUuid: "docker:app"
              netAlias: ["web_app"]
            compose.yaml:9: warning: services.web_app: the service is called `web-app` here
        "#]],
    );
}

#[test]
fn balancers_of_the_first_generation() {
    check(
        r#"
lb:
  image: rancher/load-balancer-service
  ports: ["80:8080", "443:443", "25:25/tcp"]
  expose: ["9000:9000"]
  links: [web, "api:api"]
  labels:
    io.rancher.loadbalancer.ssl.ports: "443"
    io.rancher.loadbalancer.target.api: "api.example.org:80/v1=81, 9001"
    io.rancher.loadbalancer.proxy-protocol.ports: "25"
web: {image: web}
api: {image: api}
=== rancher-compose.yml
lb:
  default_cert: main
  certs: [extra]
  load_balancer_config:
    name: lb config
    haproxy_config:
      global: "maxconn 4096\n"
    lb_cookie_stickiness_policy: {name: s, cookie: c, mode: prefix}
"#,
        expect![[r#"
            loadBalancerService lb
              imageUuid: "docker:rancher/load-balancer-service"
              ports: ["80:80/tcp","443:443/tcp","25:25/tcp"]
              labels: {"io.rancher.loadbalancer.proxy-protocol.ports":"25","io.rancher.loadbalancer.ssl.ports":"443"}
              service.lbConfig: {"portRules":[{"sourcePort":80,"protocol":"http","service":"web","targetPort":8080},{"sourcePort":443,"protocol":"https","service":"web","targetPort":443},{"sourcePort":25,"protocol":"tcp","service":"web","targetPort":25},{"sourcePort":9000,"protocol":"http","service":"web","targetPort":9000},{"sourcePort":80,"protocol":"http","hostname":"api.example.org","path":"/v1","service":"api","targetPort":81},{"sourcePort":80,"protocol":"http","service":"api","targetPort":9001},{"sourcePort":443,"protocol":"https","service":"api","targetPort":9001},{"sourcePort":25,"protocol":"tcp","service":"api","targetPort":9001},{"sourcePort":9000,"protocol":"http","service":"api","targetPort":9001}],"certs":["extra"],"defaultCert":"main","config":"global\nmaxconn 4096\n","stickinessPolicy":{"name":"s","cookie":"c","mode":"prefix"}}
            service web
              imageUuid: "docker:web"
            service api
              imageUuid: "docker:api"
        "#]],
    );
}

#[test]
fn bad_rules_and_checks() {
    check_problems(
        r#"
version: '2'
services:
  lb:
    image: rancher/lb-service-haproxy
    lb_config:
      port_rules:
        - {source_port: 42, service: web, target_port: 1}
        - {source_port: 80}
        - {source_port: 80, service: web}
        - {source_port: 80, service: web, selector: a=b, target_port: 1}
        - {service: gone, target_port: 80}
        - {source_port: 80, protocol: ftp, selector: a=b, region: r, priority: 0, weight: 300, host: h}
        - {source_port: 53, protocol: udp, service: web, target_port: 53}
      stickiness_policy: {mode: x}
  web:
    image: x
    health_check: {interval: 1, strategy: maybe}
    upgrade_strategy: {start_first: true}
    retain_ip: true
  out: {image: rancher/external-service, external_ips: [x], hostname: y}
=== rancher-compose.yml
version: '2'
services:
  ghost: {scale: 1}
catalog: {name: x}
"#,
        expect![[r#"
            compose.yaml:8: error: services.lb.lb_config.port_rules[0]: port 42 is the balancer's own; choose another `source_port`
            compose.yaml:9: error: services.lb.lb_config.port_rules[1]: the rule lacks `service` or `selector`, its target
            compose.yaml:10: error: services.lb.lb_config.port_rules[2]: the rule lacks `target_port`, the port of the service
            compose.yaml:11: error: services.lb.lb_config.port_rules[3]: the rule has both `service` and `selector`
            compose.yaml:12: error: services.lb.lb_config.port_rules[4]: the rule lacks `source_port`, the port to listen on
            compose.yaml:12: error: services.lb.lb_config.port_rules[4].service: service `gone` does not exist in this project
            compose.yaml:13: error: services.lb.lb_config.port_rules[5].protocol: must be one of `http`, `https`, `tcp`, `tls`, `sni`, `udp`, not `ftp`
            compose.yaml:13: error: services.lb.lb_config.port_rules[5].priority: must be between 1 and 2147483647, not 0
            compose.yaml:13: error: services.lb.lb_config.port_rules[5].weight: must be between 0 and 256, not 300
            compose.yaml:13: error: services.lb.lb_config.port_rules[5]: the rule has a `region` but no `environment`
            compose.yaml:13: warning: services.lb.lb_config.port_rules[5].host: has no effect: rules point at services
            compose.yaml:14: error: services.lb.lb_config.port_rules[6]: HAProxy does not carry udp; publish the port at the service itself
            compose.yaml:15: error: services.lb.lb_config.stickiness_policy.mode: must be rewrite, insert or prefix
            compose.yaml:18: error: services.web.health_check.strategy: must be one of `none`, `recreate`, `recreateOnQuorum`, not `maybe`
            compose.yaml:18: error: services.web.health_check: lacks `port`, the port to check
            compose.yaml:20: error: services.web.retain_ip: cannot be used with upgrades that start the new container first
            compose.yaml:21: error: services.out.external_ips[0]: `x` is not an IP address
            compose.yaml:21: error: services.out.hostname: an external service has either `external_ips` or `hostname`
            rancher-compose.yml:3: error: services.ghost: the service is not in the compose file
        "#]],
    );
}

#[test]
fn selectors_and_no_image() {
    check(
        r#"
version: '2'
services:
  joined:
    labels: {io.rancher.service.selector.container: role=web}
  none:
    image: rancher/none
    labels: {io.rancher.service.selector.link: "a in (b,c)", io.rancher.scheduler.global: 'true'}
    scale: 2
"#,
        expect![[r#"
            service joined
              imageUuid: "docker:rancher/none"
              labels: {"io.rancher.service.selector.container":"role=web"}
              service.selectorContainer: "role=web"
            service none global
              imageUuid: "docker:rancher/none"
              labels: {"io.rancher.scheduler.global":"true","io.rancher.service.selector.link":"a in (b,c)"}
              service.selectorLink: "a in (b,c)"
            compose.yaml:6: warning: services.none: the scale has no effect: a global service runs once on every host
        "#]],
    );
}

#[test]
fn foreign_sections() {
    check_problems(
        "version: '2'\nload_balancers: {}\nwhatever: 1\nservices: {web: {image: x, volumes: ['data:/d'], networks: [n], type: virtual_machine, vcpu: 2}}\n",
        expect![[r#"
            compose.yaml:2: warning: load_balancers: write the balancer as a service with `lb_config`; it is ignored here
            compose.yaml:3: warning: whatever: unknown key, ignored
            compose.yaml:4: warning: services.web.volumes[0]: volume `data` is not declared under `volumes`
            compose.yaml:4: warning: services.web.networks[0]: network `n` is not declared under `networks`
            compose.yaml:4: warning: services.web.type: is ignored: services are containers
            compose.yaml:4: warning: services.web.vcpu: virtual machines are not supported
        "#]],
    );
}
