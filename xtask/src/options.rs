//! The few options of xtask's commands: flags and `--name value` pairs. No positional arguments, no abbreviations.

use crate::failure::{Failure, Outcome};

/// The options given to one command.
#[derive(Debug, Default)]
pub struct Options {
    flags: Vec<String>,
    values: Vec<(String, String)>,
}

impl Options {
    /// Reads `arguments`, of which only `flags` and `values` exist.
    pub fn parse(command: &str, arguments: &[String], flags: &[&str], values: &[&str]) -> Outcome<Options> {
        let mut options = Options::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (name, attached) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if flags.contains(&name) && attached.is_none() {
                options.flags.push(name.to_owned());
            } else if values.contains(&name) {
                let value = attached.or_else(|| arguments.next().cloned());
                let value =
                    value.ok_or_else(|| Failure::usage(format!("`cargo xtask {command} {name}` needs a value")))?;
                options.values.push((name.to_owned(), value));
            } else {
                let mut known = flags.to_vec();
                known.extend(values);
                let known = if known.is_empty() {
                    "it takes none".to_owned()
                } else {
                    format!("it takes {}", known.join(", "))
                };
                return Err(Failure::usage(format!("`cargo xtask {command}` has no option {argument:?}: {known}")));
            }
        }
        Ok(options)
    }

    /// Whether a flag was given.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// The value of an option; the last one counts.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Outcome<Options> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Options::parse("figures", &arguments, &["--json"], &["--out", "--only"])
    }

    #[test]
    fn reads_flags_and_both_spellings_of_a_value() {
        let options = parse(&["--json", "--out", "a.json", "--only=bytes"]).unwrap();
        assert!(options.has("--json"));
        assert_eq!(options.value("--out"), Some("a.json"));
        assert_eq!(options.value("--only"), Some("bytes"));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse(&["--jsn"]).unwrap_err().message.contains("--json, --out, --only"));
        assert!(parse(&["--out"]).unwrap_err().message.contains("needs a value"));
        assert!(parse(&["--json=yes"]).is_err());
    }
}
