//! The release binary from the outside: its size, how soon it answers, its memory, and what it costs
//! while nothing happens. Containers are simulated; the database is on a real disk.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use support::program::{Server, binary};
use support::{Report, Target, median};

mod support;

const RUNS: usize = 5;
const SIMULATED: &[(&str, &str)] = &[("RANCHETTE_SIM_ENABLED", "true")];
/// Hosts that stay away: the database keeps its containers as they are.
const AWAY: &[(&str, &str)] = &[("RANCHETTE_DOCKER_HOST", "unix:///nonexistent/docker.sock")];
/// Long enough for a server to fall silent after a deployment.
const CALM: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut report = Report::default();
    let size = fs::metadata(binary()).expect("the binary").len() as f64 / 1e6;
    report.report("release binary, stripped", size, "MB", Target::AtMost(25.0));

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let within = |name: &str| folder.path().join(name);
    let empty = median(RUNS, |run| {
        let data = within(&format!("empty{run}"));
        milliseconds(Server::start(&data, SIMULATED).ready_after)
    });
    report.report("exec to /healthz, empty", empty, "ms", Target::AtMost(150.0));

    let data = within("memory");
    let server = Server::start(&data, SIMULATED);
    deploy(&server, &within("one.yaml"), "one", 3, 1);
    let one = settled_mb(&server);
    report.report("resident memory, one stack", one, "MB", Target::AtMost(30.0));
    deploy(&server, &within("many.yaml"), "many", 10, 100);
    let many = settled_mb(&server);
    let name = "resident memory, 1,000 simulated containers";
    report.report(name, many, "MB", Target::AtMost(60.0));
    drop(server);
    let full = median(RUNS, |_| milliseconds(Server::start(&data, AWAY).ready_after));
    report.report("exec to /healthz, 1,000 containers", full, "ms", Target::AtMost(150.0));

    let server = Server::start(&within("rest"), SIMULATED);
    deploy(&server, &within("rest.yaml"), "rest", 10, 5);
    calm(CALM);
    let (cpu, written) = (server.cpu_s(), server.written_bytes());
    calm(MINUTE);
    let share = (server.cpu_s() - cpu) / MINUTE.as_secs_f64() * 100.0;
    let written = (server.written_bytes() - written) / 1e3;
    report.report("at rest, 50 containers: CPU", share, "% of a core", Target::AtMost(0.2));
    report.report("at rest, 50 containers: disk", written, "KB a minute", Target::AtMost(100.0));
    report.finish()
}

/// Deploys so many services of so many containers each, and waits until they run.
fn deploy(server: &Server, file: &Path, stack: &str, services: usize, scale: usize) {
    let mut text = String::from("services:\n");
    for number in 1..=services {
        text.push_str(&format!(
            "  web{number}:\n    image: nginx\n    deploy:\n      replicas: {scale}\n"
        ));
    }
    fs::write(file, text).expect("a compose file");
    server.run(&["up", "-p", stack, "-f", &file.display().to_string()]);
}

fn settled_mb(server: &Server) -> f64 {
    calm(CALM);
    server.resident_mb()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Does nothing for so long: what costs something while nothing happens is what is measured.
#[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
fn calm(time: Duration) {
    std::thread::sleep(time);
}
