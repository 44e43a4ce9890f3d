//! Answers to ACME servers that look whether a name leads here (HTTP-01): given by the balancer itself.

use super::custom::Section;

/// Where names are proved.
pub(super) const PORT: u16 = 80;

/// Names that are to be proved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Challenges {
    /// The names.
    pub names: Vec<String>,
    /// What the answer to every challenge ends with; it begins with what was asked for.
    pub thumbprint: String,
}

/// The line of a frontend that answers.
pub(super) fn line(challenges: &Challenges) -> String {
    format!(
        "http-request return status 200 content-type text/plain lf-string \
         \"%[path,field(4,/)].{}\" if {{ path_reg ^/[.]well-known/acme-challenge/[A-Za-z0-9_-]+$ }} \
         {{ req.hdr(host),field(1,:) -i -m str {} }}",
        challenges.thumbprint,
        challenges.names.join(" ")
    )
}

/// A frontend that does nothing else, for a balancer that has none at the port.
pub(super) fn frontend(challenges: &Challenges) -> Section {
    let bind = format!("bind *:{PORT}");
    let lines = [
        bind,
        "mode http".to_owned(),
        line(challenges),
        "http-request deny deny_status 404".to_owned(),
    ];
    Section { head: format!("frontend {PORT}"), lines: lines.to_vec() }
}
