//! Bodies, what the schema says of fields, and names that are taken.

use super::Who::{Admin, Alice, Bob, Nobody, Root, Super};
use super::{Row, row};

/// The rows.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // Bodies.
    row(
        Root,
        "POST /stacks",
        "{",
        "400 InvalidBodyContent -: the body is not valid JSON: EOF while parsing an object at line 1 column 1",
    ),
    row(
        Root,
        "POST /stacks",
        r#"{"name":$deep}"#,
        "400 InvalidBodyContent -: the JSON is nested deeper than 64 levels",
    ),
    row(
        Root,
        "PUT /stacks/$stack",
        "[{}]",
        "400 InvalidBodyContent -: one resource is changed by one JSON object, not by a list",
    ),
    // Statuses that are codes of their own.
    row(Nobody, "GET /stacks", "", "401 Unauthorized -: Unauthorized"),
    row(Alice, "GET /projects/1a5/stacks", "", "403 Forbidden -: Forbidden"),
    row(
        Root,
        "POST /stacks/1st999999?action=remove",
        "{}",
        "404 Not Found -: there is no stack 1st999999",
    ),
    row(Root, "GET /nothings", "", "404 Not Found -: `nothings` is not a type that you can use"),
    row(
        Root,
        "DELETE /hosts/$host",
        "",
        "405 Method not allowed -: host `one` is active; it cannot be removed now",
    ),
    // What the schema says.
    row(
        Root,
        "POST /stacks/$stack?action=fly",
        "{}",
        "422 InvalidAction action: stack has no action `fly` for you",
    ),
    row(
        Root,
        "POST /services/$app?action=finishupgrade",
        "{}",
        "422 ActionNotAvailable action: service `app` is active; it does not offer `finishupgrade` now",
    ),
    row(
        Root,
        "POST /stacks",
        r#"{"name":["a"]}"#,
        "422 InvalidFormat name: field `name` of a stack must be text",
    ),
    row(
        Root,
        "POST /stacks",
        r#"{"name":"n","environment":"x"}"#,
        "422 InvalidFormat environment: field `environment` of a stack must be a JSON object",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","scale":"many","launchConfig":{"imageUuid":"docker:x"}}"#,
        r#"422 InvalidFormat scale: field `scale` of a service must be a whole number, not "many""#,
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","scale":99999999999999999999,"launchConfig":{"imageUuid":"docker:x"}}"#,
        "422 InvalidFormat scale: field `scale` of a service must be a whole number, not 1e+20",
    ),
    row(
        Super,
        "POST /stacks",
        r#"{"name":"n","removeTime":"yesterday"}"#,
        r#"422 InvalidDateFormat removeTime: field `removeTime` of a stack must be a date such as 2017-01-31T12:00:00Z, not "yesterday""#,
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$app","launchConfig":{"imageUuid":"docker:x"}}"#,
        r#"422 InvalidReference stackId: field `stackId` of a service refers to the stack "$app", which does not exist"#,
    ),
    row(
        Bob,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"}}"#,
        r#"422 InvalidReference stackId: field `stackId` of a service refers to the stack "$stack", which does not exist"#,
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"a stack","launchConfig":{"imageUuid":"docker:x"}}"#,
        r#"422 InvalidReference stackId: field `stackId` of a service holds "a stack", which is not an id"#,
    ),
    row(
        Root,
        "POST /stacks",
        r#"{"name":"n","environment":null}"#,
        "422 NotNullable environment: field `environment` of a stack must not be null",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x","ports":["80",null]}}"#,
        "422 NotNullable ports: field `launchConfig.ports` of a service must not hold null",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","scale":-1,"launchConfig":{"imageUuid":"docker:x"}}"#,
        "422 MinLimitExceeded scale: field `scale` of a service is -1, less than 0",
    ),
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"sourcePort":65536,"serviceId":"$app","targetPort":80}]}}"#,
        "422 MaxLimitExceeded sourcePort: field `lbConfig.portRules.sourcePort` of a loadBalancerService is 65536, more than 65535",
    ),
    row(
        Root,
        "POST /stacks",
        r#"{"name":""}"#,
        "422 MinLengthExceeded name: field `name` of a stack is 0 characters long, less than 1",
    ),
    row(
        Root,
        "POST /stacks",
        r#"{"name":"$x64"}"#,
        "422 MaxLengthExceeded name: field `name` of a stack is 64 characters long, more than 63",
    ),
    row(
        Root,
        "POST /loadbalancerservices",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"lbConfig":{"portRules":[{"sourcePort":80,"protocol":"spdy","serviceId":"$app","targetPort":80}]}}"#,
        "422 InvalidOption protocol: field `lbConfig.portRules.protocol` of a loadBalancerService is `spdy`, but must be one of http, tcp, https, tls, sni, udp",
    ),
    row(
        Root,
        "POST /stacks",
        r#"{"name":"a b"}"#,
        "422 InvalidCharacters name: field `name` of a stack is `a b`, but ` ` is not among a-zA-Z0-9-",
    ),
    row(
        Root,
        "POST /stacks",
        "{}",
        "422 MissingRequired name: field `name` of a stack is required",
    ),
    // Names that are taken.
    row(
        Root,
        "POST /stacks",
        r#"{"name":"web"}"#,
        "422 NotUnique name: there is already a stack called `web`",
    ),
    row(
        Root,
        "PUT /stacks/$closing",
        r#"{"name":"web"}"#,
        "422 NotUnique name: there is already a stack called `web`",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"APP","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"}}"#,
        "422 NotUnique name: the stack already has a service or sidekick called `APP`",
    ),
    row(
        Root,
        "POST /services",
        r#"{"name":"new","stackId":"$stack","launchConfig":{"imageUuid":"docker:x"},"secondaryLaunchConfigs":[{"name":"DB","imageUuid":"docker:x"}]}"#,
        "422 NotUnique name: the stack already has a service or sidekick called `DB`",
    ),
    row(
        Root,
        "POST /containers",
        r#"{"name":"box","imageUuid":"docker:x"}"#,
        "422 NotUnique name: there is already a container with the name `box`",
    ),
    row(
        Admin,
        "POST /userpreferences",
        r#"{"name":"theme","value":"light"}"#,
        "422 NotUnique name: there is already a preference called `theme`",
    ),
    row(
        Admin,
        "POST /apikeys",
        r#"{"publicValue":"$access"}"#,
        "422 NotUnique publicValue: the access key `$access` is in use",
    ),
    row(
        Admin,
        "POST /passwords",
        r#"{"publicValue":"alice","secretValue":"good enough"}"#,
        "409 UsernameIsTaken -: the login `alice` is taken",
    ),
    row(
        Root,
        "POST /registries",
        r#"{"serverAddress":"QUAY.io"}"#,
        "400 ServerAddressUsed -: there is already a registry with the address `QUAY.io`",
    ),
];
