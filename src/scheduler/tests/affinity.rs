//! Affinity rules: host labels, container labels, containers; hard, soft, attracting, repelling.

use expect_test::expect;

use super::world::check;

#[test]
fn host_labels() {
    check(
        "host 1 a label:GPU=True label:zone=x
         host 2 b label:zone=y
         host 3 c
         on 1 busy
         place w1 aff:host_label=gpu=TRUE
         place w2 aff:host_label=zone=y
         place w3 aff:host_label=gpu=true,zone=y
         place w4 aff:host_label_ne=zone=y,gpu=true
         place w5 aff:host_label=zone
         place w6 aff:host_label_ne=zone
         place w7 aff:host_label=disk=ssd",
        expect![[r#"
            w1 -> a
            w2 -> b
            w3: Allocation failed: needs host with label gpu: true; no host fits: b and c lack label gpu=true; a lacks label zone=y; hint: add label gpu=true to b
            w4 -> c
            w5: Allocation failed: needs host with label zone: ; no host fits: a, b and c cannot match the rule `zone`, which has no `=value`; hint: write the rule as `zone=value`
            w6 -> b
            w7: Allocation failed: needs host with label disk: ssd; no host fits: a, b and c lack label disk=ssd; hint: add label disk=ssd to c"#]],
    );
}

#[test]
fn host_labels_change() {
    check(
        "host 1 a label:gpu=true
         host 2 b
         on 1 x
         host 2 b label:gpu=true
         place w1 aff:host_label=gpu=true
         host 1 a
         place w2 aff:host_label=gpu=true
         place w3 aff:host_label_ne=gpu=true",
        expect![[r#"
            w1 -> b
            w2 -> b
            w3 -> a"#]],
    );
}

#[test]
fn soft_host_labels() {
    check(
        "host 1 a
         host 2 b label:ssd=true
         on 2 x
         on 2 y
         place w1 aff:host_label_soft=ssd=true
         place w2 aff:host_label_soft=ssd=false
         place w3 aff:host_label_soft_ne=ssd=true
         place w4 aff:host_label_soft=ssd=true aff:host_label_ne=ssd=true
         place w5 aff:host_label_soft=ssd=true,gpu=true",
        expect![[r#"
            w1 -> b
            w2 -> a (relaxed: needs host with label ssd_soft: false)
            w3 -> a
            w4 -> a (relaxed: needs host with label ssd_soft: true)
            w5 -> b (relaxed: needs host with label gpu_soft: true)"#]],
    );
}

#[test]
fn container_labels() {
    check(
        "host 1 a
         host 2 b
         host 3 c
         on 1 db label:App=DB
         on 1 db2
         on 2 cache label:app=cache state:stopped
         place w1 aff:container_label=app=db
         place w2 aff:container_label=app=cache
         place w3 aff:container_label=app=db,app=cache
         place w4 aff:container_label_ne=app=db,app=cache
         place w5 aff:container_label=app
         remove cache
         place w6 aff:container_label=app=cache
         place w7 aff:container_label_soft=app=cache
         place w8 aff:container_label_soft_ne=app=db",
        expect![[r#"
            w1 -> a
            w2 -> b
            w3: Allocation failed: host must have a container with label app=db; no host fits: b and c have no container with label app=db; a has no container with label app=cache; hint: start a container with label app=db on b first
            w4 -> c
            w5: Allocation failed: host must have a container with label app=; no host fits: a, b and c cannot match the rule `app`, which has no `=value`; hint: write the rule as `app=value`
            w6: Allocation failed: host must have a container with label app=cache; no host fits: a, b and c have no container with label app=cache; hint: start a container with label app=cache on b first
            w7 -> b (relaxed: host should have a container with label app=cache)
            w8 -> c"#]],
    );
}

#[test]
fn one_per_host() {
    check(
        "host 1 a
         host 2 b
         on 2 x
         on 2 y
         place web-1 unit:u1 stack:shop service:web label:io.rancher.stack_service.name=shop/web aff:container_label_ne=io.rancher.stack_service.name=${stack_name}/${service_name}
         place web-2 unit:u2 stack:shop service:web label:io.rancher.stack_service.name=shop/web aff:container_label_ne=io.rancher.stack_service.name=web
         place web-3 unit:u3 stack:shop service:web label:io.rancher.stack_service.name=shop/web aff:container_label_ne=io.rancher.stack_service.name=web
         old web-1
         place web-1-new unit:u1 stack:shop service:web aff:container_label_ne=io.rancher.stack_service.name=web
         place web-4 unit:u4 stack:shop service:web label:io.rancher.stack_service.name=shop/web aff:container_label_soft_ne=io.rancher.stack_service.name=web",
        expect![[r#"
            web-1 -> a
            web-2 -> b
            web-3: Allocation failed: host must not have a container with label io.rancher.stack_service.name=shop/web; no host fits: a and b already have a container with label io.rancher.stack_service.name=shop/web; hint: add a host or make the rule soft
            web-1-new -> a
            web-4 -> a (relaxed: host should not have a container with label io.rancher.stack_service.name=shop/web)"#]],
    );
}

#[test]
fn containers() {
    check(
        "host 1 a
         host 2 b
         on 1 DB-1
         on 1 x
         place w1 aff:container=db-1
         place w2 aff:container=uuid-db-1
         place w3 aff:container_ne=DB-1
         place w4 aff:container=gone
         place w5 aff:container_soft=gone
         place w6 aff:container=db-1,w3
         place w7 aff:container_ne=db-1,w3",
        expect![[r#"
            w1 -> a
            w2 -> a
            w3 -> b
            w4: Allocation failed: host must have a container with name or uuid gone; no host fits: a and b have no container with name or uuid gone; hint: start a container with name or uuid gone on b first
            w5 -> b (relaxed: host should have a container with name or uuid gone)
            w6: Allocation failed: host must have a container with name or uuid db-1; no host fits: a has no container with name or uuid w3; b has no container with name or uuid db-1; hint: start a container with name or uuid db-1 on b first
            w7: Allocation failed: host must not have a container with name or uuid w3; no host fits: a already has a container with name or uuid db-1; b already has a container with name or uuid w3; hint: add a host or make the rule soft"#]],
    );
}

#[test]
fn the_old_form_in_variables() {
    check(
        "host 1 a label:zone=x
         host 2 b label:zone=y
         on 1 db-1 label:app=db
         place w1 var:constraint:zone==x
         place w2 var:constraint:zone!=x
         place w3 var:affinity:container==db-1
         place w4 var:affinity:app!=db
         place w5 var:affinity:app==~nothing
         place w6 var:constraint:zone==z",
        expect![[r#"
            w1 -> a
            w2 -> b
            w3 -> a
            w4 -> b
            w5 -> b (relaxed: host should have a container with label app=nothing)
            w6: Allocation failed: needs host with label zone: z; no host fits: a and b lack label zone=z; hint: add label zone=z to a"#]],
    );
}

#[test]
fn the_fewest_soft_rules_are_dropped() {
    check(
        "host 1 a label:p=1
         host 2 b label:p=1 label:q=1
         host 3 c label:q=1 label:r=1
         on 2 x
         on 3 y
         on 3 z
         place w1 aff:host_label_soft=p=1,q=1,r=1
         place w2 aff:host_label_soft=p=1,q=1,r=1 aff:host_label_ne=p=1
         place w3 aff:host_label_soft=p=1,q=1,r=1 mem:1 ask:1
         place w4 aff:host_label_soft=p=1 aff:host_label=none=1",
        expect![[r#"
            w1 -> b (relaxed: needs host with label r_soft: 1)
            w2 -> c (relaxed: needs host with label p_soft: 1)
            w3 -> a
            w4: Allocation failed: needs host with label none: 1; no host fits: a, b and c lack label none=1; hint: add label none=1 to a"#]],
    );
}

#[test]
fn rules_of_all_members_count() {
    check(
        "host 1 a label:gpu=true
         host 2 b label:ssd=true
         host 3 c label:gpu=true label:ssd=true
         on 3 x
         place web aff:host_label=gpu=true + side aff:host_label=ssd=true",
        expect!["web -> c"],
    );
}
