//! Stacks, services, balancers, containers and compose files.

use super::Who::Root;
use super::{Place, Row, row};

/// The rows.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // Stacks and services.
    row(
        Root,
        "POST /stacks",
        r#"{"name":"-web"}"#,
        "422 InvalidCharacters name: stack name `-web` begins or ends with a dash",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"a--b","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"}}"#,
        "422 InvalidCharacters name: service name `a--b` begins or ends with a dash, or has two in a row",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$closing","launchConfig":{"imageUuid":"docker:x"}}"#,
        "422 InvalidState stackId: stack is not in a valid state: `closing` is error",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","launchConfig":{"imageUuid":"docker:x"}}"#,
        "422 InvalidState stackId: stack is not in a valid state: a service needs a stack",
    ),
    row(
        Root,
        "POST /stacks/$busy?action=deactivateservices",
        "{}",
        "422 InvalidState -: service `slow` is upgrading; it cannot be deactivated now",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:rancher/none"}}"#,
        "422 InvalidOption Image is required when selectorContainer is not passed in: a service needs an image in launchConfig.imageUuid, such as docker:nginx",
    ),
    row(
        Root,
        "POST /externalservices",
        r#"{"name":"new","stackId":"$stack","externalIpAddresses":["10.0.0.1"],"hostname":"db.example"}"#,
        "422 InvalidOption externalIpAddresses: an external service has either externalIpAddresses or a hostname, not both",
    ),
    row(
        Root,
        "PUT /loadbalancerservices/$lb",
        r#"{"launchConfig":{"imageUuid":"docker:x","labels":{"io.rancher.scheduler.global":"true"}}}"#,
        "422 InvalidOption launchConfig: service `lb` cannot switch between a fixed scale and one container per host",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"scalePolicy":{"min":3,"max":2}}"#,
        "422 MaxLimitExceeded Min scale can't exceed scale: scalePolicy.min is 3, more than max 2",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"metadata":{"big":[$floats]}}"#,
        "422 MaxLimitExceeded metadata limit is 1MB: the metadata is 1140009 characters long, more than 1 MiB",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x","dataVolumesFromLaunchConfigs":["side"]}}"#,
        "422 InvalidReference side: `new` uses the sidekick `side`, which does not exist or is not properly labeled as a sidekick",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x","dataVolumesFromLaunchConfigs":["new"]}}"#,
        "422 InvalidReference CircularReference: `new` uses its own volumes or network through its sidekicks",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"selectorLink":"bad key=1"}"#,
        "422 InvalidFormat selectorLink: `bad key=1` is not a selector; write key=value, key!=value, key in (a,b), key notin (a,b) or key",
    ),
    row(
        Root,
        "POST /services/$app?action=restart",
        "{}",
        "422 MissingRequired rollingRestartStrategy: field `rollingRestartStrategy` of a serviceRestart is required",
    ),
    row(
        Root,
        "DELETE /services/$driver",
        "",
        "409 DRIVER_IN_USE -: the storage driver of service `driver` is in use by `disk`",
    ),
    // Upgrades.
    row(
        Root,
        "POST /services/$app?action=upgrade",
        "{}",
        "422 MissingRequired Upgrade strategy needs to be set: the upgrade of service `app` needs either inServiceStrategy or toServiceStrategy",
    ),
    row(
        Root,
        "POST /services/$app?action=upgrade",
        r#"{"inServiceStrategy":{}}"#,
        "422 InvalidOption LaunchConfig/secondaryLaunchConfigs need to be specified for inService strategy: the upgrade of service `app` gives no launch configuration",
    ),
    row(
        Root,
        "POST /services/$lb?action=upgrade",
        r#"{"inServiceStrategy":{"secondaryLaunchConfigs":[{"name":"s","imageUuid":"docker:x"}]}}"#,
        "422 InvalidOption LaunchConfig is required for load balancer service: the upgrade of balancer `lb` needs a launchConfig",
    ),
    row(
        Root,
        "POST /services/$db?action=upgrade",
        r#"{"inServiceStrategy":{"startFirst":true,"launchConfig":{"imageUuid":"docker:x"}}}"#,
        "422 InvalidOption StartFirst option can't be used for service with retainIp field set: service `db` retains its addresses; two containers cannot have one at a time, so startFirst must be false",
    ),
    row(
        Root,
        "POST /services/$app?action=upgrade",
        r#"{"inServiceStrategy":{"launchConfig":{"imageUuid":"docker:x","ports":["x"]}}}"#,
        "422 PortWrongFormat ports: port `x` is not of the form [ip:][public:]private[/tcp|udp]",
    ),
    row(
        Root,
        "POST /services/$app?action=upgrade",
        r#"{"toServiceStrategy":{"toServiceId":"$app"}}"#,
        "422 InvalidReference toServiceId: toServiceId is the service itself",
    ),
    row(
        Root,
        "POST /services/$app?action=upgrade",
        r#"{"toServiceStrategy":{"toServiceId":"$every"}}"#,
        "422 InvalidOption toServiceStrategy: service `every` runs on every host; there is no scale to move",
    ),
    // Links of services.
    row(
        Root,
        "POST /services/$app?action=addservicelink",
        r#"{"serviceLink":{}}"#,
        "422 MissingRequired serviceId: a link needs the other service's id in serviceId",
    ),
    row(
        Root,
        "POST /services/$app?action=addservicelink",
        r#"{"serviceLink":{"service":"other/db"}}"#,
        "422 MissingRequired name: a link to `other/db`, which is elsewhere, needs a name",
    ),
    row(
        Root,
        "POST /services/$app?action=addservicelink",
        r#"{"serviceLink":{"serviceId":"$db","name":"sql"}}"#,
        "422 NotUnique serviceId: service `app` is linked to $db as `sql` already",
    ),
    row(
        Root,
        "POST /services/$app?action=addservicelink",
        r#"{"serviceLink":{"serviceId":"$db","name":"a..b"}}"#,
        "422 InvalidCharacters name: the link's name `a..b` begins or ends with a dot, or has two in a row",
    ),
    row(
        Root,
        "POST /services/$app?action=addservicelink",
        r#"{"serviceLink":{"serviceId":"$db","name":"$x64"}}"#,
        "422 MaxLengthExceeded name: the link's name `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` has a part longer than 63 characters",
    ),
    row(
        Root,
        "POST /services/$app?action=setservicelinks",
        r#"{"serviceLinks":[{"serviceId":"$lb"},{"serviceId":"$lb"}]}"#,
        "422 NotUnique serviceId: service `app` is linked to $lb already",
    ),
    // Rules of balancers.
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"sourcePort":80}]}}"#,
        "422 MissingRequired serviceId: port rule 1 has neither serviceId nor selector",
    ),
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"sourcePort":80,"serviceId":"$app"}]}}"#,
        "422 MissingRequired targetPort: port rule 1 needs the targetPort of its service",
    ),
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"serviceId":"$app","targetPort":80}]}}"#,
        "422 MissingRequired sourcePort: field `lbConfig.portRules.sourcePort` of a loadBalancerService is required",
    ),
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"sourcePort":80,"serviceId":"$app","targetPort":80,"region":"eu"}]}}"#,
        "422 MissingRequired environment: port rule 1 has a region and no environment in it",
    ),
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"sourcePort":80,"serviceId":"$app","selector":"a=b","targetPort":80}]}}"#,
        "422 InvalidOption Can't specify both selector and serviceId: port rule 1 has a serviceId and a selector; give one of the two",
    ),
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"sourcePort":42,"serviceId":"$app","targetPort":80}]}}"#,
        "422 InvalidOption Port 42 is reserved for service health check: port rule 1 listens on port 42, where the balancer answers whether it is healthy",
    ),
    row(
        Root,
        "PUT /loadbalancerservices/$lb",
        r#"{"lbConfig":{"portRules":[{"sourcePort":81}]}}"#,
        "422 MissingRequired serviceId: port rule 1 has neither serviceId nor selector",
    ),
    // Containers, ports and volumes.
    row(
        Root,
        "POST /containers",
        r#"{"name":"c"}"#,
        "422 MissingRequired imageUuid: a container needs an image, such as docker:nginx",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x","networkMode":"container"}"#,
        "422 MissingRequired networkContainerId: network mode `container` needs the container whose network is shared",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x","count":1001}"#,
        "422 MaxLimitExceeded count: 1001 containers at once are more than 1000",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x","ports":["http"]}"#,
        "422 PortWrongFormat ports: port `http` is not of the form [ip:][public:]private[/tcp|udp]",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x","ports":["80:70000"]}"#,
        "422 PortInvalidPrivatePort ports: port `80:70000`: private port `70000` is not between 1 and 65535",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x","ports":["70000:80"]}"#,
        "422 PortInvalidPublicPort ports: port `70000:80`: public port `70000` is not between 1 and 65535",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x","ports":["80/icmp"]}"#,
        "422 PortInvalidProtocol ports: port `80/icmp`: protocol `icmp` is neither tcp nor udp",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x","labels":{"io.rancher.container.volume_cleanup_strategy":"some"}}"#,
        "400 InvalidOption -: label io.rancher.container.volume_cleanup_strategy is `some`, not one of all, none, unnamed",
    ),
    row(
        Root,
        "POST /volumes",
        r#"{"name":"v"}"#,
        "422 MissingRequired driver: volume `v` needs a driver, such as local",
    ),
    row(
        Root,
        "POST /volumes",
        r#"{"name":"v","driver":"local","sizeMb":5}"#,
        "422 InvalidOption sizeMb: the driver `local` of volume `v` cannot limit its size",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"imageUuid":"docker:x"}"#,
        "422 InvalidOption imageUuid: image `docker:x` comes from the registry `index.docker.io`; the setting registry.whitelist allows quay.io, registry.example",
    ).at(Place::Strict),
    row(
        Root,
        "POST /services/$app?action=upgrade",
        r#"{"inServiceStrategy":{"launchConfig":{"imageUuid":"docker:evil.example/x"}}}"#,
        "422 InvalidOption imageUuid: image `docker:evil.example/x` comes from the registry `evil.example`; the setting registry.whitelist allows quay.io, registry.example",
    ).at(Place::Strict),
    row(
        Root,
        "POST /stackplans",
        r#"{"name":"new","dockerCompose":"services: {a: {image: evil.example/x}}"}"#,
        "422 InvalidOption imageUuid: image `docker:evil.example/x` comes from the registry `evil.example`; the setting registry.whitelist allows quay.io, registry.example",
    ).at(Place::Strict),
    // Compose files.
    row(
        Root,
        "POST /stackplans",
        r#"{"name":"new"}"#,
        "422 MissingRequired dockerCompose: a stack plan needs the text of a compose file",
    ),
    row(
        Root,
        "POST /stackplans",
        r#"{"name":"new","dockerCompose":"services: {a: {image: x, portz: [80]}}"}"#,
        "422 InvalidComposeFile dockerCompose: compose.yaml:1: error: services.a.portz: unknown key; `ports` is meant",
    ),
    row(
        Root,
        "POST /stackplans",
        r#"{"name":"new","dockerCompose":7}"#,
        "422 InvalidFormat dockerCompose: `dockerCompose` must be text",
    ),
    // Secrets and certificates.
    row(
        Root,
        "POST /secrets",
        r#"{"name":"hush"}"#,
        "422 EmptySecret value: secret `hush` has no value; give it in base64",
    ),
    row(
        Root,
        "POST /secrets",
        r#"{"name":"hush","value":"%"}"#,
        "422 InvalidBase64 value: the value of secret `hush` is not base64",
    ),
    row(
        Root,
        "POST /certificates",
        r#"{"name":"tls","cert":"moo","key":"moo"}"#,
        "422 InvalidFormat cert: field `cert` is not a certificate in PEM, in certificate `tls`",
    ),
];
