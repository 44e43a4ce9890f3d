//! Keys that join a service to what is outside its container: ports, volumes, networks, files.

use expect_test::expect;

use super::check;
use super::services::keys;

#[test]
fn ports_in_the_short_form() {
    keys(
        r#"ports:
  - "80"
  - 8443:443
  - 22:22
  - "53:53/udp"
  - 127.0.0.1:8001:8001
  - 127.0.0.1::9000
  - "[::1]:7000:7001"
  - "::1:7002:7003/tcp"
  - 3000-3002:4000-4002
  - 9090-9091:80
  - ${PORT}:80"#,
        expect![[r#"
            service web
              ports: ["80/tcp","8443:443/tcp","22:22/tcp","53:53/udp","127.0.0.1:8001:8001/tcp","127.0.0.1::9000/tcp","[::1]:7000:7001/tcp","[::1]:7002:7003/tcp","3000:4000/tcp","3001:4001/tcp","3002:4002/tcp","9090:80/tcp","8080:80/tcp"]
              imageUuid: "docker:nginx"
        "#]],
    );
}

#[test]
fn ports_in_the_long_form_and_expose() {
    keys(
        r#"ports:
  - target: 80
  - {target: 443, published: "8443", protocol: tcp, mode: host, host_ip: 127.0.0.1}
  - {target: 53, published: 53, protocol: udp, name: dns, app_protocol: dns}
  - {target: 5000-5001, published: 6000-6001}
expose: [3000, "4000/udp", 5000-5001]"#,
        expect![[r#"
            service web
              ports: ["80/tcp","127.0.0.1:8443:443/tcp","53:53/udp","6000:5000/tcp","6001:5001/tcp"]
              expose: ["3000","4000/udp","5000","5001"]
              imageUuid: "docker:nginx"
            compose.yaml:7: warning: services.web.ports[2].app_protocol: has no effect
        "#]],
    );
}

#[test]
fn volumes_in_the_short_form() {
    check(
        r#"
services:
  web:
    image: nginx
    volumes:
      - /anonymous
      - data:/data
      - named:/named:ro
      - ./conf/nginx.conf:/etc/nginx/nginx.conf:ro
      - ../shared:/shared
      - ~/music:/music:ro,z
      - /var/run/docker.sock:/var/run/docker.sock
      - .:/app
    tmpfs: /run
volumes:
  data:
  named:
    name: other_name
    driver: local
    driver_opts: {type: nfs, o: "addr=10.0.0.1,rw", device: ":/export"}
    labels: [keep=true]
  outside: {external: true, name: prod-data}
"#,
        expect![[r#"
            service web
              dataVolumes: ["/anonymous","data:/data","other_name:/named:ro","/srv/app/conf/nginx.conf:/etc/nginx/nginx.conf:ro","/srv/shared:/shared","/home/ana/music:/music:ro,z","/var/run/docker.sock:/var/run/docker.sock","/srv/app:/app"]
              tmpfs: {"/run":""}
              imageUuid: "docker:nginx"
            volume {"key":"data","name":"data","driver":null,"driverOpts":{},"labels":{},"external":false,"perContainer":false}
            volume {"key":"named","name":"other_name","driver":"local","driverOpts":{"device":":/export","o":"addr=10.0.0.1,rw","type":"nfs"},"labels":{"keep":"true"},"external":false,"perContainer":false}
            volume {"key":"outside","name":"prod-data","driver":null,"driverOpts":{},"labels":{},"external":true,"perContainer":false}
        "#]],
    );
}

#[test]
fn volumes_in_the_long_form() {
    check(
        r#"
services:
  web:
    image: nginx
    volumes:
      - {type: volume, source: data, target: /data, volume: {nocopy: true}}
      - {type: bind, source: ./html, target: /html, read_only: true, bind: {create_host_path: true, propagation: rslave, selinux: z}}
      - {type: bind, source: conf, target: /conf}
      - {type: tmpfs, target: /cache, tmpfs: {size: 64m, mode: 0o1777}}
      - {target: /anonymous}
    tmpfs: [/run, "/tmp:size=1m,mode=1777"]
volumes:
  data: {}
"#,
        expect![[r#"
            service web
              dataVolumes: ["data:/data:nocopy","/srv/app/html:/html:ro,rslave,z","/srv/app/conf:/conf","/anonymous"]
              tmpfs: {"/cache":"size=67108864,mode=1777","/run":"","/tmp":"size=1m,mode=1777"}
              imageUuid: "docker:nginx"
            volume {"key":"data","name":"data","driver":null,"driverOpts":{},"labels":{},"external":false,"perContainer":false}
        "#]],
    );
}

const CONNECTED: &str = r#"
services:
  web_app:
    image: nginx
    container_name: shop.web
    networks:
      front:
      back: {aliases: [api, web], ipv4_address: 172.20.0.5, priority: 10}
    dns: 1.1.1.1
    dns_search: [example.org]
    dns_opt: [ndots:1]
    extra_hosts: ["one:10.0.0.1", "two=::1", "gw:host-gateway"]
    depends_on: [db]
    links: ["db:database"]
    external_links: ["other/redis:cache", "other/mail"]
  db:
    image: postgres
    network_mode: host
    ports: ["5432:5432"]
    extra_hosts: {three: 10.0.0.3, four: [10.0.0.4, 10.0.0.5]}
  old:
    image: postgres
    networks: [front, outside]
    depends_on:
      web_app: {condition: service_healthy, restart: false}
      db:
  adhoc:
    image: nginx
    network_mode: bridge
    pid: host
    ipc: host
    uts: host
    depends_on:
      nothere: {condition: service_started, required: false}
networks:
  front: {driver: bridge}
  back: {internal: true, ipam: {config: [{subnet: 172.20.0.0/16}]}}
  outside: {external: {name: host}}
"#;

#[test]
fn networks_links_and_names() {
    check(
        CONNECTED,
        expect![[r#"
            service web-app
              dns: ["1.1.1.1"]
              dnsSearch: ["example.org"]
              dnsOpt: ["ndots:1"]
              extraHosts: ["one:10.0.0.1","two:::1","gw:host-gateway"]
              imageUuid: "docker:nginx"
              netAlias: ["api","shop.web","web","web_app"]
              link db as database
              link other/redis as cache
              link other/mail as mail
              needs db Started
            service db
              networkMode: "host"
              imageUuid: "docker:postgres"
              extraHosts: ["three:10.0.0.3","four:10.0.0.4","four:10.0.0.5"]
            service old
              networkMode: "host"
              imageUuid: "docker:postgres"
              needs web-app Healthy
              needs db Started
            service adhoc
              networkMode: "bridge"
              pidMode: "host"
              ipcMode: "host"
              uts: "host"
              imageUuid: "docker:nginx"
            network {"key":"front","name":"front","driver":"bridge","external":false,"internal":false}
            network {"key":"back","name":"back","driver":null,"external":false,"internal":true}
            network {"key":"outside","name":"host","driver":null,"external":true,"internal":false}
            compose.yaml:3: warning: services.web_app: the service is called `web-app` here
            compose.yaml:8: warning: services.web_app.networks.back.ipv4_address: the address is given by the environment's network
            compose.yaml:8: warning: services.web_app.networks.back.priority: has no effect: services share the environment's network
            compose.yaml:19: warning: services.db.ports: has no effect: its ports are the host's own already
            compose.yaml:37: warning: networks.back: the services of this network keep their way out: all services of an environment share one network
            compose.yaml:37: warning: networks.back.ipam: has no effect: the environment's network is used
        "#]],
    );
}

#[test]
fn secrets_and_configs() {
    check(
        r#"
services:
  web:
    image: nginx
    secrets:
      - db_password
      - {source: api_key, target: key, uid: "103", gid: "103", mode: 0440}
    configs:
      - app
      - {source: inline, target: /etc/inline.conf, mode: 0o644}
secrets:
  db_password: {file: ./secrets/db.txt}
  api_key: {environment: TAG}
  old: {external: true, name: prod_old}
configs:
  app: {file: app.conf}
  inline: {content: "port=${PORT}\n"}
=== secrets/db.txt
hunter2
=== app.conf
a=b
"#,
        expect![[r#"
            service web
              imageUuid: "docker:nginx"
              file {"kind":"secret","source":"db_password","target":"/run/secrets/db_password","uid":null,"gid":null,"mode":null,"sidekick":null}
              file {"kind":"secret","source":"api_key","target":"/run/secrets/key","uid":"103","gid":"103","mode":"0440","sidekick":null}
              file {"kind":"config","source":"app","target":"/app","uid":null,"gid":null,"mode":null,"sidekick":null}
              file {"kind":"config","source":"inline","target":"/etc/inline.conf","uid":null,"gid":null,"mode":"0644","sidekick":null}
            secret db_password: "hunter2\n"
            secret api_key: "1.2"
            secret old: external prod_old
            config app: "a=b\n"
            config inline: "port=8080\n"
        "#]],
    );
}
