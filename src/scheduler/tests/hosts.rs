//! Which hosts are eligible, how they are ordered, what is reserved.

use expect_test::expect;

use super::world::check;

#[test]
fn spreads_by_count_then_memory_then_id() {
    check(
        "host 3 c mem:1000
         host 1 a mem:1000
         host 2 b mem:2000
         place w1
         place w2
         place w3
         place w4 mem:100
         place w5
         place w6",
        expect![[r#"
            w1 -> b
            w2 -> a
            w3 -> c
            w4 -> b
            w5 -> a
            w6 -> c"#]],
    );
    check(
        "host 1 a
         host 2 b
         on 1 x
         on 1 y state:stopped
         on 2 z
         on 2 old state:old
         place w1
         stop x
         place w2",
        expect![[r#"
            w1 -> a
            w2 -> a"#]],
    );
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let forth = "host 1 a label:x=1\nhost 2 b\nhost 3 c label:x=1";
    let back = "host 3 c label:x=1\nhost 2 b\nhost 1 a label:x=1";
    for hosts in [forth, back] {
        check(
            &format!("{hosts}\nplace w1\nplace w2 aff:host_label=x=1\nplace w3"),
            expect![[r#"
                w1 -> a
                w2 -> c
                w3 -> b"#]],
        );
    }
}

#[test]
fn only_eligible_hosts_of_the_environment() {
    check(
        "host 1 a state:inactive
         host 2 b env:2
         place w1
         place w2 env:2
         place w3 env:9
         host 1 a
         place w4",
        expect![[r#"
            w1: Allocation failed: No healthy hosts with sufficient resources available; no host fits: a is inactive; hint: activate a
            w2 -> b
            w3: Allocation failed: No healthy hosts with sufficient resources available
            w4 -> a"#]],
    );
    check(
        "host 1 a state:disconnected
         host 2 b state:evacuating
         host 3 c state:activating
         host 4 d state:inactive
         host 5 e state:inactive
         host 6 f state:inactive
         host 7 g state:inactive
         place w1",
        expect![
            "w1: Allocation failed: No healthy hosts with sufficient resources available; no host fits: 4 hosts are inactive; a is disconnected; b is being evacuated; c is activating; hint: reconnect a"
        ],
    );
}

#[test]
fn removed_hosts_and_instances_are_forgotten() {
    check(
        "host 1 a label:x=1
         host 2 b
         on 1 one label:app=web
         gone 1
         place w1 aff:host_label=x=1
         host 1 a label:x=2
         place w2 aff:container_label=app=web
         place w3",
        expect![[r#"
            w1: Allocation failed: needs host with label x: 1; no host fits: b lacks label x=1; hint: add label x=1 to b
            w2: Allocation failed: host must have a container with label app=web; no host fits: a and b have no container with label app=web; hint: start a container with label app=web on a first
            w3 -> a"#]],
    );
}

#[test]
fn a_host_that_is_asked_for() {
    check(
        "host 1 a
         host 2 b state:inactive mem:100
         host 3 c env:2
         on 2 x port:80
         place w1 ask:2 port:80 mem:500 aff:host_label=gpu=true
         place w2 ask:3
         place w3 ask:9
         place w4 ask:1 + side ask:2
         place w5 ask:1 + side",
        expect![[r#"
            w1 -> b
            w2: Allocation failed: valid host(s) [3]
            w3: Allocation failed: valid host(s) [9]
            w4: Allocation failed: Instances to allocate have conflicting requested host ids: 1, 2.
            w5 -> a"#]],
    );
}

#[test]
fn the_units_host() {
    check(
        "host 1 a
         host 2 b
         on 2 w-1 unit:u1
         on 2 x
         place side-1 unit:u1
         place other-1 unit:u2
         place bound bound:2
         host 2 b state:inactive
         place late unit:u1
         old w-1
         old side-1
         place new unit:u1",
        expect![[r#"
            side-1 -> b
            other-1 -> a
            bound -> b
            late: Allocation failed: valid host(s) [2]; no host fits: b is inactive; hint: activate b
            new -> a"#]],
    );
    check(
        "host 1 a
         host 2 b
         on 1 w-1 unit:u1
         on 2 side-1 unit:u1 state:stopped
         place third unit:u1
         place asked unit:u2 bound:1 ask:2",
        expect![[r#"
            third: Allocation failed: Instances of deployment unit u1 are allocated to different hosts: 1, 2.
            asked: Allocation failed: valid host(s) [1]; no host fits: a is not b, which the unit is bound to; b is not a, which the unit is bound to"#]],
    );
}

#[test]
fn reservations() {
    check(
        "host 1 a mem:1000 cpu:1000
         host 2 b mem:500 cpu:4000
         on 1 db mem:800
         place w1 mem:400
         place w2 mem:200 cpu:2000
         place w3 cpu:2000
         place w4 mem:100 + side mem:101
         stop db
         place w5 mem:900",
        expect![[r#"
            w1 -> b
            w2: Allocation failed: No healthy hosts meet the resource constraints: [memoryReservation: 209715200, cpuReservation: 2000]; no host fits: a needs 1000 milliCPU more; b needs 100 MB more memory; hint: reserve 1000 milliCPU less or free as much on a
            w3 -> b
            w4: Allocation failed: No healthy hosts meet the resource constraints: [memoryReservation: 210763776]; no host fits: a needs 1 MB more memory, b needs 101 MB more memory; hint: reserve 1 MB less memory or free as much on a
            w5 -> a"#]],
    );
    check(
        "host 1 a disk:100
         host 2 b
         on 1 x disk:60
         on 2 y
         on 2 z
         place w1 new:data/local/40
         place w2 new:data/local/41
         host 2 b state:inactive
         place w3 new:data/local/41
         place w4 mem:99999999",
        expect![[r#"
            w1 -> a
            w2 -> b
            w3: Allocation failed: No healthy hosts meet the resource constraints: [storageSize: 41]; no host fits: a needs 1 MB more storage; b is inactive; hint: reserve 1 MB less storage or free as much on a
            w4 -> a"#]],
    );
    check(
        "host 1 a mem:100
         host 2 b mem:200 label:gpu=true
         host 3 c mem:300
         host 4 d mem:300
         host 5 e mem:300
         host 6 f mem:300
         place w1 mem:250 aff:host_label=gpu=true
         place w2 mem:1000 cpu:5",
        expect![[r#"
            w1: Allocation failed: Host must satisfy resource constraints: [memoryReservation: 262144000]. needs host with label gpu: true; no host fits: 5 hosts lack label gpu=true; b needs 50 MB more memory; hint: add label gpu=true to c
            w2: Allocation failed: No healthy hosts meet the resource constraints: [memoryReservation: 1048576000, cpuReservation: 5]; no host fits: 6 hosts need more memory; hint: reserve 700 MB less memory or free as much on c"#]],
    );
}

#[test]
fn hosts_that_require_labels() {
    check(
        "host 1 a label:io.rancher.scheduler.require_any=GPU=true,batch
         host 2 b
         on 2 x
         place w1
         place w2 label:gpu=True
         place w3 + side label:batch=anything
         host 2 b state:inactive
         place w4 label:gpu=false",
        expect![[r#"
            w1 -> b
            w2 -> a
            w3 -> a
            w4: Allocation failed: container must have a label that the host requires; no host fits: a takes only containers with label gpu=true or batch; b is inactive; hint: give the container label gpu=true or batch"#]],
    );
}

#[test]
fn collocation() {
    check(
        "host 1 a
         host 2 b
         on 2 db
         on 2 db2
         place w1 from:db@2
         place w2 from:db
         place w3 from:db@2 + side from:x@1
         place w4 from:db@9
         on 2 web port:80
         place w5 from:db@2 port:80",
        expect![[r#"
            w1 -> b
            w2: Allocation failed: Dependent instance not allocated yet: db.
            w3: Allocation failed: Dependent instances are allocated to different hosts: db, x.
            w4: Allocation failed: On the same host (a removed host) as db; no host fits: a and b are not the host of db (a removed host)
            w5: Allocation failed: host needs ports 80/tcp available; no host fits: a is not the host of db (b); b already uses port 80/tcp; hint: stop web on b or publish another port than 80/tcp"#]],
    );
}

#[test]
fn global_services() {
    check(
        "host 1 a label:gpu=true
         host 2 b label:gpu=true state:inactive
         host 3 c label:GPU=TRUE state:reconnected
         host 4 d state:activating
         host 5 e env:2
         host 6 f label:io.rancher.scheduler.require_any=infra
         global
         global aff:host_label=gpu=true
         global aff:host_label_ne=gpu=true label:infra=1
         global aff:host_label_soft=gpu=true
         global aff:container_label=app=web",
        expect![[r#"
            global -> a, c, d
            global -> a, c
            global -> d, f
            global -> a, c
            global -> a, c, d"#]],
    );
}

#[test]
fn simulated_images_run_on_simulated_hosts_and_no_others_do_there() {
    check(
        "host 1 docker runs:real
         host 2 sim runs:sim
         host 3 other env:2
         place w1
         place w2
         place s1 image:sim
         place s2 image:sim
         place s3 image:sim ask:1",
        expect![[r#"
            w1 -> docker
            w2 -> docker
            s1 -> sim
            s2 -> sim
            s3: Allocation failed: image needs a simulated host; no host fits: docker is not simulated"#]],
    );
    check(
        "host 1 any\nplace w1\nplace s1 image:sim",
        expect![[r#"
        w1 -> any
        s1 -> any"#]],
    );
}
