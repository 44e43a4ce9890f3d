//! Named volumes: where they can be reached and who may use them.

use expect_test::expect;

use super::world::check;

#[test]
fn local_volumes_stay_on_their_host() {
    check(
        "host 1 a
         host 2 b
         on 2 x
         volume 7 data host:2
         place w1 volume:7
         place w2 new:data/local
         place w3 aff:volumes=Data,unknown
         volume 7 data host:9
         place w4 volume:7
         place w5 volume:99",
        expect![[r#"
            w1 -> b
            w2 -> a
            w3 -> b
            w4: Allocation failed: valid host(s) []; no host fits: a and b cannot reach volume data
            w5 -> a"#]],
    );
}

#[test]
fn pools_and_drivers() {
    check(
        "host 1 a
         host 2 b pool:5/nfs
         host 3 c pool:5/nfs pool:6/ebs
         on 2 x
         on 3 y
         on 3 z
         volume 7 shared driver:nfs pool:5
         volume 8 fresh driver:ebs
         place w1 volume:7
         place w2 volume:8
         place w3 new:more/nfs
         place w4 driver:ebs
         place w5 new:more/gluster
         place w6 ask:1 volume:7
         host 2 b
         place w7 volume:7",
        expect![[r#"
            w1 -> b
            w2 -> c
            w3 -> b
            w4 -> c
            w5: Allocation failed: valid host(s) []; no host fits: a, b and c cannot reach storage driver gluster
            w6: Allocation failed: valid host(s) [2, 3]; no host fits: a cannot reach volume shared
            w7 -> c"#]],
    );
}

#[test]
fn single_host() {
    check(
        "host 1 a
         host 2 b
         volume 7 data driver:nfs access:singleHostRW last:2
         host 1 a pool:5/nfs
         host 2 b pool:5/nfs
         on 2 x
         on 2 y
         place w1 volume:7
         place w2 volume:7
         place w3 volume:7 ask:1
         stop w1
         stop w2
         volume 7 data driver:nfs access:singleHostRW last:1
         place w4 volume:7 aff:host_label_ne=none=1
         start w1
         place w5 volume:7",
        expect![[r#"
            w1 -> b
            w2 -> b
            w3: Allocation failed: Volume data(id: 7) can only be used on host b(id: 2); no host fits: a cannot use volume data, which is in use on b
            w4 -> a
            w5: Allocation failed: Volume data(id: 7) can only be used on one host and is in use on a, b."#]],
    );
}

#[test]
fn a_last_host_elsewhere_is_no_candidate() {
    check(
        "host 1 a
         host 6 f env:2
         volume 7 data access:singleHostRW last:6
         place w1 volume:7
         place w2 from:db@6
         place w3 bound:6",
        expect![[r#"
            w1 -> a (relaxed: Volume data(id: 7) can only be used on host f(id: 6))
            w2: Allocation failed: On the same host (f) as db; no host fits: a is not the host of db (f)
            w3: Allocation failed: valid host(s) [6]"#]],
    );
}

#[test]
fn single_instance() {
    check(
        "host 1 a
         volume 7 data host:1 access:singleInstanceRW
         place w1 volume:7
         place w2 volume:7
         stop w1
         place w3 volume:7
         on 1 sick volume:8 health:unhealthy
         volume 8 other access:singleInstanceRW
         place w4 volume:8",
        expect![[r#"
            w1 -> a
            w2: Allocation failed: Volume data(id: 7) has access mode singleInstanceRW and is currently mounted by w1; no host fits: a cannot use volume data, which w1 has mounted; hint: stop w1
            w3 -> a
            w4 -> a"#]],
    );
}

#[test]
fn zones() {
    check(
        "host 1 a
         host 2 b label:io.rancher.host.zone=us-east-1a pool:5/ebs
         host 3 c pool:5/ebs
         on 2 x
         on 2 y
         place w1 new:data/ebs/10/US-east-1a
         place w2 new:data/ebs/10
         place w3 new:data/ebs/10/us-east-1b",
        expect![[r#"
            w1 -> b
            w2 -> c
            w3: Allocation failed: Host must satisfy resource constraints: [storageSize: 10]. needs host with label io.rancher.host.zone: us-east-1b; no host fits: a, b and c lack label io.rancher.host.zone=us-east-1b; hint: add label io.rancher.host.zone=us-east-1b to c"#]],
    );
}
