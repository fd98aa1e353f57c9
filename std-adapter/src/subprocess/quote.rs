//! Arguments as one line.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;

/// One command line of several arguments, quoted as programs on Windows take it apart again. (SP048)
///
/// ```
/// use inkle::subprocess::list2cmdline;
///
/// assert_eq!(list2cmdline(["a b", "c\"d", "", "e\\"]), r#""a b" c\"d "" e\"#);
/// assert_eq!(list2cmdline(["x y\\", r#"\""#]), r#""x y\\" \\\""#);
/// ```
pub fn list2cmdline<I>(args: I) -> String
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut line = String::new();
    for arg in args {
        let arg = arg.as_ref();
        if !line.is_empty() {
            line.push(' ');
        }
        let quoted = arg.is_empty() || arg.contains([' ', '\t']);
        if quoted {
            line.push('"');
        }
        let mut backslashes = 0;
        for c in arg.chars() {
            match c {
                '\\' => backslashes += 1,
                '"' => {
                    // Those before a quote count twice, and the quote has one of its own.
                    line.extend(std::iter::repeat_n('\\', 2 * backslashes + 1));
                    line.push('"');
                    backslashes = 0;
                }
                _ => {
                    line.extend(std::iter::repeat_n('\\', backslashes));
                    line.push(c);
                    backslashes = 0;
                }
            }
        }
        line.extend(std::iter::repeat_n('\\', if quoted { 2 * backslashes } else { backslashes }));
        if quoted {
            line.push('"');
        }
    }
    line
}

/// Arguments for people, quoted where a shell would want it.
pub(super) fn shown(args: &[OsString]) -> String {
    let mut line = String::new();
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        let arg = OsStr::to_string_lossy(arg);
        let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            line.push_str(&arg);
        } else {
            // A string takes everything.
            let _ = write!(line, "'{}'", arg.replace('\'', r"'\''"));
        }
    }
    line
}
