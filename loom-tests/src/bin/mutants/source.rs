//! Where the sources order memory: calls of the atomics' methods and fences, found in the text.
//!
//! A site is known by its file, its function and its own text, so lines may come and go elsewhere.

use std::fs;
use std::path::Path;

use super::change::Order;
use super::tier::Result;

/// What is searched, in the workspace; the second is this tool's own test.
const SOURCES: [&str; 2] = ["core/src", "loom-tests/models/mutants.rs"];

/// What makes the orderings of the others.
const NOT: [&str; 2] = ["core/src/atomic/", "core/src/platform/mod.rs"];

const METHODS: [&str; 9] = [
    "load",
    "store",
    "swap",
    "fetch_add",
    "fetch_sub",
    "fetch_or",
    "fetch_and",
    "compare_exchange",
    "compare_exchange_weak",
];

/// SeqCst, but for the first, which says.
const FENCES: [&str; 4] = ["fence", "fence_after_rmw", "light_fence", "heavy_fence"];

/// One call with an ordering that can be weakened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// Within the workspace.
    pub(crate) file: String,
    /// The function and the call, `release: self.state.swap(FREE, Ordering::Release)`; the second of two
    /// that are equal has `#2` behind the function's name.
    pub(crate) call: String,
    /// Where the compiler says it is.
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The orderings that its text names, in their order; none if it is given one.
    pub(crate) orders: Vec<Order>,
    pub(crate) is_fence: bool,
}

impl Site {
    /// As the models name it.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

/// All sites under `root`, by file and place.
pub(crate) fn sites(root: &Path) -> Result<Vec<Site>> {
    let mut files = Vec::new();
    for source in SOURCES {
        find_files(&root.join(source), &mut files)?;
    }
    let mut sites = Vec::new();
    for file in files {
        let name = file.strip_prefix(root)?.display().to_string();
        if !NOT.iter().any(|not| name.starts_with(not)) && !name.ends_with("/tests.rs") {
            sites.extend(in_file(&name, &fs::read_to_string(&file)?));
        }
    }
    Ok(sites)
}

/// The source files at `path`, sorted.
fn find_files(path: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        entries.sort();
        entries.iter().try_for_each(|entry| find_files(entry, files))?;
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
    Ok(())
}

fn in_file(file: &str, text: &str) -> Vec<Site> {
    let code = without_comments(text);
    // Unit tests stand at the end, and are no concern of the models.
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut sites: Vec<Site> = Vec::new();
    for (at, _) in code.match_indices('(') {
        let Some((start, name)) = call_before(code, at) else { continue };
        let Some(len) = closing(&code[at..]) else { continue };
        let arguments = &code[at..at + len];
        let is_fence = FENCES.contains(&name);
        let mut orders = words(arguments).filter_map(Order::named).collect::<Vec<_>>();
        if is_fence && orders.is_empty() {
            orders.push(Order::SeqCst);
        }
        let given = words(arguments).any(|word| word == "order");
        if !given && orders.iter().all(|order| *order == Order::Relaxed) {
            continue;
        }
        let start_of_text = if is_fence { start } else { receiver(code, start) };
        let text: String = without_space(&code[start_of_text..at + len]);
        let function = function(&code[..start]);
        let equal = |site: &&Site| {
            site.call.split_once(": ").is_some_and(|(name, call)| {
                name.split('#').next() == Some(function) && call == text
            })
        };
        let nth = match sites.iter().filter(equal).count() {
            0 => String::new(),
            before => format!("#{}", before + 1),
        };
        let line_start = code[..start].rfind('\n').map_or(0, |end| end + 1);
        sites.push(Site {
            file: file.to_owned(),
            call: format!("{function}{nth}: {text}"),
            line: code[..start].matches('\n').count() + 1,
            column: start - line_start + 1,
            orders: if given { Vec::new() } else { orders },
            is_fence,
        });
    }
    sites
}

/// The call whose `(` is at `at`, if it may be a site: where the compiler says it begins, which is the
/// method's name or the start of the path, and the name.
fn call_before(code: &str, at: usize) -> Option<(usize, &str)> {
    let start = code[..at].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    let name = &code[start..at];
    if code[..start].ends_with('.') {
        return METHODS.contains(&name).then_some((start, name));
    }
    let path = code[..at].trim_end_matches(|c: char| c.is_alphanumeric() || "_:".contains(c)).len();
    (FENCES.contains(&name) && !code[..path].ends_with("fn ")).then_some((path, name))
}

/// Where the expression begins whose method's name is at `start`.
fn receiver(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let mut begin = start;
    for (at, c) in code[..start].char_indices().rev() {
        match c {
            ')' | ']' => depth += 1,
            '(' | '[' if depth == 0 => break,
            '(' | '[' => depth -= 1,
            _ if depth > 0 || c.is_alphanumeric() || "_.:?".contains(c) => {}
            // A chain goes on across lines.
            _ if c.is_whitespace() && code[at..].trim_start().starts_with('.') => continue,
            _ => break,
        }
        begin = at;
    }
    begin
}

/// How long the text in parentheses is with which `code` begins.
fn closing(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The name of the last function that begins in `code`.
fn function(code: &str) -> &str {
    let name = |(at, _): (usize, &str)| words(&code[at + 3..]).next().unwrap_or_default();
    code.rmatch_indices("fn ")
        .find(|(at, _)| code[..*at].ends_with(|c: char| c.is_whitespace()))
        .map_or("", name)
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// On one line, as if it had been written so.
fn without_space(code: &str) -> String {
    let line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("( ", "(").replace(", )", ")").replace(" )", ")").replace(" .", ".")
}

/// With spaces for comments and for what is in strings, all else where it was.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\\' if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '"' => {
                in_string = !in_string;
                1
            }
            '/' if !in_string && rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '\'' if rest.starts_with("'\"'") => 3,
            _ if in_string && c != '\n' => c.len_utf8(),
            _ => {
                code.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
        };
        // As many as the compiler counts columns.
        code.extend(rest[..taken].chars().map(|_| ' '));
        rest = &rest[taken..];
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_found_in_chains_comments_and_twins() {
        let text = "
fn first() {
    // self.word.load(Ordering::Acquire)
    self.slot(1, (2)).word.load(Ordering::Acquire);
    let _ = self
        .word
        .compare_exchange(
            a | b,
            0,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    x.load(Relaxed);
    y.load(order);
    y.load(order);
    if !P::heavy_fence() && list.swap(1, 2) {}
    compiler_fence(SeqCst);
}
fn fence() { fence(Ordering::Acquire) }
#[cfg(test)]
mod tests { fn no() { x.load(Acquire) } }
";
        let found = in_file("f.rs", text);
        let calls: Vec<_> = found.iter().map(|site| &*site.call).collect();
        assert_eq!(
            calls,
            [
                "first: self.slot(1, (2)).word.load(Ordering::Acquire)",
                "first: self.word.compare_exchange(a | b, 0, Ordering::AcqRel, Ordering::Acquire)",
                "first: y.load(order)",
                "first#2: y.load(order)",
                "first: P::heavy_fence()",
                "fence: fence(Ordering::Acquire)",
            ]
        );
        assert_eq!(found[0].place(), "f.rs:4:28");
        assert_eq!(found[1].place(), "f.rs:7:10");
        assert_eq!(found[1].orders, [Order::AcqRel, Order::Acquire]);
        assert_eq!(found[2].orders, []);
        assert_eq!(found[4].place(), "f.rs:16:9");
        assert_eq!(found[4].orders, [Order::SeqCst]);
    }
}
