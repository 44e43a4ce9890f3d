//! Every key of a service in one table: adding one is adding a row.

use serde_json::{Map, Value};

use super::super::node::View;
use super::super::read::unknown_key;
use super::{Draft, Reader};
use super::{
    balancer, build, deploy, files, health, limits, network, ports, process, rancher, volumes,
};

/// Reads one key into the draft.
type Handler = fn(&Reader<'_, '_>, &View<'_>, &mut Draft);

/// How a key is read. The text names the launch config field.
enum Rule {
    Text(&'static str),
    Flag(&'static str),
    /// Field, smallest and largest value.
    Integer(&'static str, i64, i64),
    Bytes(&'static str),
    /// A text or a list of texts.
    Texts(&'static str),
    /// A command line or a list of its words.
    Words(&'static str),
    /// Names with texts.
    Pairs(&'static str),
    With(Handler),
    /// Read elsewhere, before or after the other keys.
    Elsewhere,
    /// Known, but without effect; the text says so.
    NoEffect(&'static str),
}

use Rule::{Bytes, Elsewhere, Flag, Integer, NoEffect, Pairs, Text, Texts, With, Words};

const MAX: i64 = i64::MAX;
const U32: i64 = u32::MAX as i64;

/// Alphabetical.
#[rustfmt::skip]
const KEYS: &[(&str, Rule)] = &[
    ("annotations", NoEffect("annotations are not kept; use `labels`")),
    ("attach", NoEffect("has no effect: containers run in the background")),
    ("blkio_config", With(limits::blkio_config)),
    ("blkio_weight", Integer("blkioWeight", 0, 1000)),
    ("blkio_weight_device", With(limits::blkio_weight_device)),
    ("build", With(build::build)),
    ("cap_add", Texts("capAdd")),
    ("cap_drop", Texts("capDrop")),
    ("certs", Elsewhere),
    ("cgroup", NoEffect("the cgroup namespace cannot be chosen and is ignored")),
    ("cgroup_parent", Text("cgroupParent")),
    ("command", Words("command")),
    ("configs", With(files::configs)),
    ("container_name", With(network::container_name)),
    ("cpu_count", Integer("cpuCount", 0, U32)),
    ("cpu_percent", Integer("cpuPercent", 0, 100)),
    ("cpu_period", Integer("cpuPeriod", 0, MAX)),
    ("cpu_quota", Integer("cpuQuota", -1, MAX)),
    ("cpu_rt_period", Integer("cpuRealtimePeriod", 0, MAX)),
    ("cpu_rt_runtime", Integer("cpuRealtimeRuntime", 0, MAX)),
    ("cpu_shares", Integer("cpuShares", 0, MAX)),
    ("cpus", With(limits::cpus)),
    ("cpuset", Text("cpuSet")),
    ("credential_spec", NoEffect("credential specs are for Windows and ignored")),
    ("default_cert", Elsewhere),
    ("depends_on", With(network::depends_on)),
    ("deploy", With(deploy::deploy)),
    ("develop", NoEffect("file watching is not supported and ignored")),
    ("device_cgroup_rules", NoEffect("device cgroup rules are not supported and ignored")),
    ("device_read_bps", With(limits::device_read_bps)),
    ("device_read_iops", With(limits::device_read_iops)),
    ("device_write_bps", With(limits::device_write_bps)),
    ("device_write_iops", With(limits::device_write_iops)),
    ("devices", With(volumes::devices)),
    ("disks", NoEffect("virtual machines are not supported")),
    ("dns", Texts("dns")),
    ("dns_opt", Texts("dnsOpt")),
    ("dns_search", Texts("dnsSearch")),
    ("dockerfile", With(build::dockerfile)),
    ("domainname", Text("domainName")),
    ("drain_timeout_ms", Integer("drainTimeoutMs", 0, MAX)),
    ("entrypoint", Words("entryPoint")),
    ("env_file", Elsewhere),
    ("environment", With(process::environment)),
    ("expose", With(ports::expose)),
    // Gone by now, unless the service could not be extended, which was said.
    ("extends", Elsewhere),
    ("external_ips", With(rancher::external_ips)),
    ("external_links", With(network::external_links)),
    ("extra_hosts", With(network::extra_hosts)),
    ("gpus", NoEffect("GPUs cannot be reserved and are ignored")),
    ("group_add", Texts("groupAdd")),
    ("health_check", With(health::health_check)),
    ("healthcheck", With(health::healthcheck)),
    ("hostname", With(rancher::hostname)),
    ("image", Elsewhere),
    ("init", Flag("runInit")),
    ("ipc", With(network::ipc)),
    ("isolation", Text("isolation")),
    ("kernel_memory", Bytes("kernelMemory")),
    ("label_file", With(process::label_file)),
    ("labels", With(process::labels)),
    ("lb_config", With(balancer::lb_config)),
    ("links", With(network::links)),
    ("load_balancer_config", Elsewhere),
    ("log_driver", With(process::log_driver)),
    ("log_opt", With(process::log_opt)),
    ("logging", With(process::logging)),
    ("mac_address", NoEffect("the address is given by the network and cannot be chosen")),
    ("mem_limit", Bytes("memory")),
    ("mem_reservation", Bytes("memoryReservation")),
    ("mem_swappiness", Integer("memorySwappiness", 0, 100)),
    ("memory", Bytes("memory")),
    ("memswap_limit", Bytes("memorySwap")),
    ("metadata", With(rancher::metadata)),
    ("milli_cpu_reservation", Integer("milliCpuReservation", 0, U32)),
    ("models", NoEffect("models are not supported and ignored")),
    ("net", With(network::network_mode)),
    ("network_driver", NoEffect("network drivers are not supported and ignored")),
    ("network_mode", With(network::network_mode)),
    ("networks", With(network::networks)),
    ("oom_kill_disable", Flag("oomKillDisable")),
    ("oom_score_adj", Integer("oomScoreAdj", -1000, 1000)),
    ("pid", With(network::pid)),
    ("pids_limit", Integer("pidsLimit", -1, U32)),
    ("platform", NoEffect("the platform of the host is used")),
    ("ports", With(ports::ports)),
    ("post_start", NoEffect("hooks are not supported and ignored")),
    ("pre_stop", NoEffect("hooks are not supported and ignored")),
    ("privileged", Flag("privileged")),
    ("profiles", Elsewhere),
    ("provider", NoEffect("providers are not supported and ignored")),
    ("pull_policy", With(process::pull_policy)),
    ("read_only", Flag("readOnly")),
    ("restart", With(deploy::restart)),
    ("retain_ip", With(rancher::retain_ip)),
    ("runtime", NoEffect("the runtime cannot be chosen and is ignored")),
    ("scale", With(deploy::scale)),
    ("scale_policy", With(rancher::scale_policy)),
    ("secrets", With(files::secrets)),
    ("security_opt", Texts("securityOpt")),
    ("service_schemas", NoEffect("is ignored")),
    ("shm_size", Bytes("shmSize")),
    ("start_on_create", With(rancher::start_on_create)),
    ("stdin_open", Flag("stdinOpen")),
    ("stop_grace_period", With(process::stop_grace_period)),
    ("stop_signal", Text("stopSignal")),
    ("storage_driver", NoEffect("storage drivers are not supported and ignored")),
    ("storage_opt", Pairs("storageOpt")),
    ("sysctls", Pairs("sysctls")),
    ("tmpfs", With(volumes::tmpfs)),
    ("tty", Flag("tty")),
    ("type", NoEffect("is ignored: services are containers")),
    ("ulimits", With(limits::ulimits)),
    ("upgrade_strategy", With(rancher::upgrade_strategy)),
    ("use_api_socket", NoEffect("the engine's socket is not handed on; mount it instead")),
    ("user", Text("user")),
    ("userdata", NoEffect("virtual machines are not supported")),
    ("userns_mode", Text("usernsMode")),
    ("uts", Text("uts")),
    ("vcpu", NoEffect("virtual machines are not supported")),
    ("volume_driver", Text("volumeDriver")),
    ("volumes", With(volumes::volumes)),
    ("volumes_from", With(volumes::volumes_from)),
    ("working_dir", Text("workingDir")),
];

/// Reads one key of a service. Unknown keys are errors, null values mean that a key is not there.
pub(super) fn read(reader: &Reader<'_, '_>, key: &str, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    if key.starts_with("x-") {
        return;
    }
    let Ok(index) = KEYS.binary_search_by(|(name, _)| (*name).cmp(key)) else {
        let known: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
        context.error(view, unknown_key(key, &known));
        return;
    };
    let Some((_, rule)) = KEYS.get(index).filter(|_| !view.node.is_null()) else { return };
    let field = |field: &str, value: Option<Value>, draft: &mut Draft| {
        if let Some(value) = value {
            draft.set(field, value);
        }
    };
    match rule {
        Text(name) => field(name, context.text(view).map(Value::from), draft),
        Flag(name) => field(name, context.flag(view).map(Value::from), draft),
        Integer(name, min, max) => {
            field(name, context.integer(view, *min, *max).map(Value::from), draft);
        }
        Bytes(name) => field(name, context.bytes(view).map(Value::from), draft),
        Texts(name) => draft.extend(name, context.texts(view)),
        Words(name) => field(name, context.words(view).map(Value::from), draft),
        Pairs(name) => {
            let pairs = context.pairs(view).into_iter();
            let pairs = pairs.map(|pair| (pair.name, Value::from(pair.value.unwrap_or_default())));
            draft.set(name, Value::Object(pairs.collect::<Map<_, _>>()));
        }
        With(handler) => handler(reader, view, draft),
        Elsewhere => {}
        NoEffect(message) => context.warning(view, *message),
    }
}

/// The names of all keys, for the test that keeps the table in order.
#[cfg(test)]
pub(in super::super) fn names() -> Vec<&'static str> {
    KEYS.iter().map(|(name, _)| *name).collect()
}
