//! Names that clients and containers depend on: labels, states of interest and well-known values.

/// Labels that Rancher puts on containers (services.md, section 4).
pub mod label {
    /// Stack name.
    pub const STACK_NAME: &str = "io.rancher.stack.name";
    /// Stack name under its older key.
    pub const PROJECT_NAME: &str = "io.rancher.project.name";
    /// `stack/service`, for a sidekick `stack/service/sidekick`.
    pub const STACK_SERVICE_NAME: &str = "io.rancher.stack_service.name";
    /// The same under its older key.
    pub const PROJECT_SERVICE_NAME: &str = "io.rancher.project_service.name";
    /// Deployment unit's uuid.
    pub const DEPLOYMENT_UNIT: &str = "io.rancher.service.deployment.unit";
    /// Launch configuration's name.
    pub const LAUNCH_CONFIG: &str = "io.rancher.service.launch.config";
    /// Host a global service's container was made for.
    pub const REQUESTED_HOST: &str = "io.rancher.service.requested.host.id";
    /// Environment's uuid.
    pub const ENVIRONMENT_UUID: &str = "io.rancher.environment.uuid";
    /// Container's uuid.
    pub const CONTAINER_UUID: &str = "io.rancher.container.uuid";
    /// Container's name.
    pub const CONTAINER_NAME: &str = "io.rancher.container.name";
    /// Container's address with prefix length.
    pub const CONTAINER_IP: &str = "io.rancher.container.ip";
    /// Container's MAC address.
    pub const CONTAINER_MAC: &str = "io.rancher.container.mac_address";
    /// `true`: the container has an address when it starts.
    pub const CNI_WAIT: &str = "io.rancher.cni.wait";
    /// Marks infrastructure containers.
    pub const SYSTEM: &str = "io.rancher.container.system";
    /// One container per matching host.
    pub const GLOBAL: &str = "io.rancher.scheduler.global";
    /// Addresses a container would like to have, separated by commas.
    pub const REQUESTED_IP: &str = "io.rancher.container.requested_ip";
    /// Run to completion and leave alone.
    pub const START_ONCE: &str = "io.rancher.container.start_once";
    /// `always` pulls before every create.
    pub const PULL_IMAGE: &str = "io.rancher.container.pull_image";
    /// `none`, `unnamed` or `all`: which volumes go with a container.
    pub const VOLUME_CLEANUP: &str = "io.rancher.container.volume_cleanup_strategy";
    /// `container_name`: the host name is the container's name.
    pub const HOSTNAME_OVERRIDE: &str = "io.rancher.container.hostname_override";
    /// Seconds that each batch of an upgrade has to become healthy; else the upgrade takes itself back.
    pub const HEALTHY_WITHIN: &str = "io.ranchette.upgrade.healthy_within";
    /// Name of the network a container is to be on, whatever its mode.
    pub const CNI_NETWORK: &str = "io.rancher.cni.network";
    /// Asks for the environment's network on a container that somebody else starts.
    pub const MANAGED_NETWORK: &str = "io.rancher.container.network";
    /// `true`: the container is given API keys.
    pub const CREATE_AGENT: &str = "io.rancher.container.create_agent";
    /// What the API keys of a container may do: words, separated by commas.
    pub const AGENT_ROLE: &str = "io.rancher.container.agent.role";
    /// `only-local` or `prefer-local`: which targets a balancer sends requests to, by their host.
    pub const LB_TARGET: &str = "io.rancher.lb_service.target";
    /// Overrides a container's name.
    pub const DISPLAY_NAME: &str = "io.rancher.container.display_name";
}

/// Whether a service in this state is to run (services.md, section 2).
pub fn is_active_service(state: &str) -> bool {
    matches!(
        state,
        "activating"
            | "active"
            | "updating-active"
            | "upgrading"
            | "rolling-back"
            | "canceling-upgrade"
            | "canceled-upgrade"
            | "finishing-upgrade"
            | "upgraded"
            | "restarting"
    )
}

/// Image of a service or sidekick that has no containers of its own.
pub const NO_IMAGE: &str = "rancher/none";

/// Name of the primary launch configuration in [`label::LAUNCH_CONFIG`].
pub const PRIMARY_LAUNCH_CONFIG: &str = "io.rancher.service.primary.launch.config";
