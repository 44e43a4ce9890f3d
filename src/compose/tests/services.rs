//! Keys of a service, each in all its forms.

use expect_test::expect;

use super::check;

/// Reads the keys of one service.
pub(super) fn keys(text: &str, expect: expect_test::Expect) {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    check(&format!("services:\n  web:\n    image: nginx\n{indented}"), expect);
}

#[test]
fn process_keys() {
    keys(
        r#"command: nginx -g "daemon off;" --name='a b'
entrypoint: [/bin/sh, -c, "echo $$HOME"]
user: "1000:1000"
working_dir: /app
hostname: web01
domainname: example.org
tty: true
stdin_open: "true"
init: true
read_only: true
privileged: false
stop_signal: SIGUSR1
stop_grace_period: 1m30s"#,
        expect![[r#"
            service web
              command: ["nginx","-g","daemon off;","--name=a b"]
              entryPoint: ["/bin/sh","-c","echo $HOME"]
              user: "1000:1000"
              workingDir: "/app"
              hostname: "web01"
              domainName: "example.org"
              tty: true
              stdinOpen: true
              runInit: true
              readOnly: true
              privileged: false
              stopSignal: "SIGUSR1"
              stopTimeout: 90
              imageUuid: "docker:nginx"
        "#]],
    );
}

#[test]
fn environment_as_a_list_and_as_a_map() {
    keys(
        "environment: [A=1, B=x=y, TAG, NOT_SET, 'C=']",
        expect![[r#"
        service web
          imageUuid: "docker:nginx"
          environment: {"A":"1","B":"x=y","C":"","TAG":"1.2"}
    "#]],
    );
    keys(
        "environment:\n  A: 1\n  B: true\n  C: 1.10\n  TAG:\n  NOT_SET: null\n  D: yes\n  E: ''\n  F: 0x1F",
        expect![[r#"
            service web
              imageUuid: "docker:nginx"
              environment: {"A":"1","B":"true","C":"1.10","D":"yes","E":"","F":"0x1F","TAG":"1.2"}
        "#]],
    );
}

#[test]
fn health_checks() {
    keys(
        "healthcheck:\n  test: curl -f http://localhost || exit 1\n  interval: 1m30s\n  timeout: 500ms\n  retries: 3\n  start_period: 40s",
        expect![[r#"
            service web
              healthCmd: ["CMD-SHELL","curl -f http://localhost || exit 1"]
              healthInterval: 90
              healthTimeout: 1
              healthRetries: 3
              imageUuid: "docker:nginx"
            compose.yaml:9: warning: services.web.healthcheck.start_period: has no effect: failures while starting count like later ones
        "#]],
    );
    keys(
        "healthcheck: {test: [CMD, pg_isready, -U, app], interval: 10s}",
        expect![[r#"
        service web
          healthCmd: ["CMD","pg_isready","-U","app"]
          healthInterval: 10
          imageUuid: "docker:nginx"
    "#]],
    );
    keys(
        "healthcheck: {test: [CMD-SHELL, 'pg_isready -U $$USER']}",
        expect![[r#"
        service web
          healthCmd: ["CMD-SHELL","pg_isready -U $USER"]
          imageUuid: "docker:nginx"
    "#]],
    );
    keys(
        "healthcheck: {test: [NONE]}",
        expect![[r#"
        service web
          healthCmd: ["NONE"]
          imageUuid: "docker:nginx"
    "#]],
    );
    keys(
        "healthcheck: {disable: true}",
        expect![[r#"
        service web
          healthCmd: ["NONE"]
          imageUuid: "docker:nginx"
    "#]],
    );
}

#[test]
fn limits() {
    keys(
        r#"mem_limit: 512m
mem_reservation: 0.5gb
memswap_limit: -1
mem_swappiness: 0
shm_size: 64mb
kernel_memory: 1048576
cpus: 1.5
cpu_shares: 512
cpuset: 0-1
pids_limit: 100
oom_score_adj: -500
oom_kill_disable: true
ulimits:
  nproc: 65535
  nofile: {soft: 20000, hard: 40000}
sysctls: [net.core.somaxconn=1024]
storage_opt: {size: 1G}
blkio_config:
  weight: 300
  weight_device: [{path: /dev/sda, weight: 400}]
  device_read_bps: [{path: /dev/sdb, rate: 12mb}]
  device_write_iops: [{path: /dev/sdb, rate: 30}]"#,
        expect![[r#"
            service web
              memory: 536870912
              memoryReservation: 536870912
              memorySwap: -1
              memorySwappiness: 0
              shmSize: 67108864
              kernelMemory: 1048576
              cpuPeriod: 100000
              cpuQuota: 150000
              cpuShares: 512
              cpuSet: "0-1"
              pidsLimit: 100
              oomScoreAdj: -500
              oomKillDisable: true
              ulimits: [{"name":"nproc","soft":65535,"hard":65535},{"name":"nofile","soft":20000,"hard":40000}]
              sysctls: {"net.core.somaxconn":"1024"}
              storageOpt: {"size":"1G"}
              blkioWeight: 300
              blkioDeviceOptions: {"/dev/sda":{"weight":400},"/dev/sdb":{"readBps":12582912,"writeIops":30}}
              imageUuid: "docker:nginx"
        "#]],
    );
    keys(
        "device_read_bps: {/dev/sda: 1mb}\ndevice_write_iops: {/dev/sda: 10}\nblkio_weight_device: ['/dev/sda:200']",
        expect![[r#"
            service web
              blkioDeviceOptions: {"/dev/sda":{"readBps":1048576,"writeIops":10,"weight":200}}
              imageUuid: "docker:nginx"
        "#]],
    );
}

#[test]
fn rights_and_devices() {
    keys(
        r#"cap_add: [NET_ADMIN, SYS_TIME]
cap_drop: ALL
security_opt: ["no-new-privileges:true"]
group_add: [audio, 44]
userns_mode: host
cgroup_parent: m-executor
isolation: default
devices:
  - /dev/ttyUSB0
  - /dev/dri:/dev/dri:r
  - {source: /dev/snd, target: /dev/sound, permissions: rw}"#,
        expect![[r#"
            service web
              capAdd: ["NET_ADMIN","SYS_TIME"]
              capDrop: ["ALL"]
              securityOpt: ["no-new-privileges:true"]
              groupAdd: ["audio","44"]
              usernsMode: "host"
              cgroupParent: "m-executor"
              isolation: "default"
              devices: ["/dev/ttyUSB0:/dev/ttyUSB0:rwm","/dev/dri:/dev/dri:r","/dev/snd:/dev/sound:rw"]
              imageUuid: "docker:nginx"
        "#]],
    );
}

#[test]
fn labels_logging_and_pulling() {
    keys(
        r#"labels:
  traefik.enable: true
  traefik.port: 80
  empty:
logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}
pull_policy: always"#,
        expect![[r#"
            service web
              logConfig: {"driver":"json-file","config":{"max-size":"10m","max-file":"3"}}
              imageUuid: "docker:nginx"
              labels: {"empty":"","io.rancher.container.pull_image":"always","traefik.enable":"true","traefik.port":"80"}
        "#]],
    );
    keys(
        "labels: [a=b, c, 'd=e=f']\nlog_driver: syslog\nlog_opt: {syslog-address: 'tcp://x:1'}",
        expect![[r#"
            service web
              logConfig: {"driver":"syslog","config":{"syslog-address":"tcp://x:1"}}
              imageUuid: "docker:nginx"
              labels: {"a":"b","c":"","d":"e=f"}
        "#]],
    );
}

#[test]
fn restart_and_jobs() {
    keys(
        "restart: unless-stopped",
        expect![[r#"
        service web
          restartPolicy: {"name":"unless-stopped"}
          imageUuid: "docker:nginx"
    "#]],
    );
    keys(
        "restart: no",
        expect![[r#"
        service web
          restartPolicy: {"name":"no"}
          imageUuid: "docker:nginx"
          labels: {"io.rancher.container.start_once":"true"}
    "#]],
    );
    keys(
        "restart: on-failure:3",
        expect![[r#"
        service web
          restartPolicy: {"name":"on-failure","maximumRetryCount":3}
          imageUuid: "docker:nginx"
          labels: {"io.rancher.container.start_once":"true"}
    "#]],
    );
    keys(
        "restart: 'no'\nlabels: {io.rancher.container.start_once: 'false'}",
        expect![[r#"
        service web
          restartPolicy: {"name":"no"}
          imageUuid: "docker:nginx"
          labels: {"io.rancher.container.start_once":"false"}
    "#]],
    );
    check(
        r#"
services:
  migrate:
    image: app
    command: migrate
  app:
    image: app
    depends_on: {migrate: {condition: service_completed_successfully}}
"#,
        expect![[r#"
            service migrate
              command: ["migrate"]
              imageUuid: "docker:app"
              labels: {"io.rancher.container.start_once":"true"}
            service app
              imageUuid: "docker:app"
              needs migrate CompletedSuccessfully
        "#]],
    );
}

#[test]
fn deploy() {
    keys(
        r#"deploy:
  replicas: 3
  resources:
    limits: {cpus: "0.50", memory: 50M, pids: 10}
    reservations: {cpus: "0.25", memory: 20M}
  restart_policy: {condition: on-failure, max_attempts: 2, delay: 5s}
  update_config: {parallelism: 2, delay: 10s, order: start-first, failure_action: rollback}
  placement:
    constraints: [node.labels.disk == ssd, node.labels.zone!=a, node.role == manager]
  labels: {a: b}"#,
        expect![[r#"
            service web x3
              cpuPeriod: 100000
              cpuQuota: 50000
              memory: 52428800
              pidsLimit: 10
              milliCpuReservation: 250
              memoryReservation: 20971520
              restartPolicy: {"name":"on-failure","maximumRetryCount":2}
              imageUuid: "docker:nginx"
              labels: {"io.rancher.container.start_once":"true","io.rancher.scheduler.affinity:host_label":"disk=ssd","io.rancher.scheduler.affinity:host_label_ne":"zone=a"}
              upgrade.batchSize: 2
              upgrade.intervalMillis: 10000
              upgrade.startFirst: true
            compose.yaml:9: warning: services.web.deploy.restart_policy.delay: has no effect
            compose.yaml:10: warning: services.web.deploy.update_config.failure_action: has no effect
            compose.yaml:12: warning: services.web.deploy.placement.constraints[2]: `node.role == manager` has no effect; `node.labels.x == y` would
            compose.yaml:13: warning: services.web.deploy.labels: labels of the service are not kept; write them under `labels`
        "#]],
    );
    keys(
        "deploy: {mode: global}",
        expect![[r#"
        service web global
          imageUuid: "docker:nginx"
          labels: {"io.rancher.scheduler.global":"true"}
    "#]],
    );
    keys(
        "scale: 4",
        expect![[r#"
        service web x4
          imageUuid: "docker:nginx"
    "#]],
    );
}

#[test]
fn builds() {
    check(
        r#"
name: My_Shop
services:
  short: {build: .}
  git: {build: "https://github.com/example/app.git#main"}
  long:
    image: registry.local:5000/app:dev
    build:
      context: ./app
      dockerfile: docker/Dockerfile
      args: {VERSION: 1.2, TAG: }
      target: prod
      labels: [a=b]
      cache_from: [app:latest]
      shm_size: 1m
      network: host
      platforms: [linux/amd64]
      no_cache: true
      ssh: [default]
  inline: {build: {dockerfile_inline: "FROM alpine\n"}}
"#,
        expect![[r#"
            name my-shop
            service short
              imageUuid: "docker:my-shop-short"
              build {"context":"","dockerfile":null,"dockerfileInline":null,"args":{},"labels":{},"target":null,"cacheFrom":[],"extraHosts":[],"shmSize":null,"network":null,"platform":null,"noCache":false,"pull":false,"tag":"my-shop-short","extraTags":[]}
            service git
              imageUuid: "docker:my-shop-git"
              build {"context":"https://github.com/example/app.git#main","dockerfile":null,"dockerfileInline":null,"args":{},"labels":{},"target":null,"cacheFrom":[],"extraHosts":[],"shmSize":null,"network":null,"platform":null,"noCache":false,"pull":false,"tag":"my-shop-git","extraTags":[]}
            service long
              imageUuid: "docker:registry.local:5000/app:dev"
              build {"context":"app","dockerfile":"docker/Dockerfile","dockerfileInline":null,"args":{"TAG":"1.2","VERSION":"1.2"},"labels":{"a":"b"},"target":"prod","cacheFrom":["app:latest"],"extraHosts":[],"shmSize":1048576,"network":"host","platform":"linux/amd64","noCache":true,"pull":false,"tag":"registry.local:5000/app:dev","extraTags":[]}
            service inline
              imageUuid: "docker:my-shop-inline"
              build {"context":"","dockerfile":null,"dockerfileInline":"FROM alpine\n","args":{},"labels":{},"target":null,"cacheFrom":[],"extraHosts":[],"shmSize":null,"network":null,"platform":null,"noCache":false,"pull":false,"tag":"my-shop-inline","extraTags":[]}
            compose.yaml:2: warning: name: the stack is called `my-shop` here
            compose.yaml:19: warning: services.long.build.ssh: has no effect on how the image is built
        "#]],
    );
}

#[test]
fn keys_without_effect_are_said() {
    keys(
        "platform: linux/amd64\nruntime: nvidia\ngpus: all\nattach: false\nannotations: [a=b]\nmac_address: 02:42:ac:11:65:43\nx-note: free\ndevelop: {watch: []}",
        expect![[r#"
            service web
              imageUuid: "docker:nginx"
            compose.yaml:4: warning: services.web.platform: the platform of the host is used
            compose.yaml:5: warning: services.web.runtime: the runtime cannot be chosen and is ignored
            compose.yaml:6: warning: services.web.gpus: GPUs cannot be reserved and are ignored
            compose.yaml:7: warning: services.web.attach: has no effect: containers run in the background
            compose.yaml:8: warning: services.web.annotations: annotations are not kept; use `labels`
            compose.yaml:9: warning: services.web.mac_address: the address is given by the network and cannot be chosen
            compose.yaml:11: warning: services.web.develop: file watching is not supported and ignored
        "#]],
    );
}

#[test]
fn the_key_table_is_in_order() {
    let names = super::super::service::key_names();
    assert!(names.is_sorted(), "keep the table alphabetical: it is searched by halving");
}
