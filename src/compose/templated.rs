//! The Go templates of a project's files, run before the files are read.

use super::gotemplate::{Facts, Failure, is_template, render};
use super::{ComposeFile, Input, about};

/// The files of a project as they are to be read.
pub(super) struct Texts {
    pub files: Vec<ComposeFile>,
    pub rancher: Option<ComposeFile>,
}

/// Runs the templates of a project, if it is one that has any.
///
/// # Errors
/// With the name of the file that has a mistake, and the mistake.
pub(super) fn run(input: &Input<'_>) -> Result<Texts, (String, Failure)> {
    let Some(facts) = &input.template else {
        return Ok(Texts { files: input.files.clone(), rancher: input.rancher.clone() });
    };
    let run = |file: &ComposeFile| {
        let text = run_one(input, facts, &file.text);
        text.map(|text| ComposeFile { name: file.name.clone(), text })
            .map_err(|failure| (file.name.clone(), failure))
    };
    let files = input.files.iter().map(run).collect::<Result<_, _>>()?;
    let rancher = input.rancher.as_ref().map(run).transpose()?;
    // One that had nothing but questions has said all that it had to say.
    Ok(Texts { files, rancher: rancher.filter(|file| says_something(&file.text)) })
}

/// Whether a file has more than blanks and comments.
fn says_something(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| !line.is_empty() && !line.starts_with(b"#") && line != b"---")
}

fn run_one(input: &Input<'_>, facts: &Facts, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    // What is no text is complained about where it is read.
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(bytes.to_vec()) };
    // Questions are said to people; what they look like means nothing here.
    let text = about::without_block(text);
    match is_template(&text) {
        true => render(&text, &input.env, facts).map(String::into_bytes),
        false => Ok(text.into_bytes()),
    }
}
