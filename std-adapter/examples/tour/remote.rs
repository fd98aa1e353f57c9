//! Three worker processes hash the files, over a server: the one that `NATS_URL` names, or one that is
//! started for the chapter.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use inkle::concurrent::as_completed;
use inkle::multiprocessing::Process;
use inkle::platform::after;
use inkle::remote::{RemoteExecutor, Settings, Worker};
use inkle::subprocess::{Child, Command, Signal, Stdio};

use crate::report::{Progress, count, say};
use crate::tree::{Tree, read};
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "remote",
    python: "client = dask.distributed.Client('loom:8786'); client.map(f, files)",
    rust: "RemoteExecutor::connect(&Settings::new(\"nats://loom:4222\"))?.map_fn(f, files)",
    run,
};

const WORKERS: usize = 3;
/// Into how many portions the files are divided.
const PORTIONS: usize = 16;

/// Some of the files: paths, which need not be text, and how many bytes of each.
type Portion = Vec<(OsString, u64)>;
/// The check sum of each; `None` of what cannot be read.
type Sums = Vec<Option<u32>>;

inkle::register!("tour.hash", hash as fn((OsString, Portion)) -> Sums);

/// In a worker.
fn hash((root, portion): (OsString, Portion)) -> Sums {
    let sum = |(path, len): &(OsString, u64)| {
        Some(crc32fast::hash(&read(&Path::new(&root).join(path), *len).ok()?))
    };
    portion.iter().map(sum).collect()
}

fn work(server: String) {
    if let Ok(worker) = Worker::builder(&Settings::new(server)).slots(1).start() {
        worker.wait();
    }
}

fn run(tree: &Arc<Tree>) -> Outcome {
    let (server, _child) = match std::env::var("NATS_URL") {
        Ok(server) => (server, None),
        Err(_) => match start_server() {
            Some((server, child)) => (server, Some(child)),
            None => {
                say("no server: `apt-get install nats-server`, or NATS_URL=nats://HOST:4222");
                return Ok("not run: there is no server".into());
            }
        },
    };
    let executor = connect(&server)?;
    let workers: Vec<_> =
        (0..WORKERS).map(|_| Process::spawn(work, (server.clone(),))).collect::<Result<_, _>>()?;
    let files: Vec<_> = tree.files.iter().collect();
    let portions: Vec<_> = files.chunks(files.len().div_ceil(PORTIONS).max(1)).collect();
    let mut progress = Progress::new("hashed", portions.len());
    let mut futures = Vec::new();
    for (number, files) in portions.iter().enumerate() {
        let portion: Portion =
            files.iter().map(|(path, file)| (path.as_os_str().to_owned(), file.len)).collect();
        let root = tree.root.canonicalize()?.into_os_string();
        let future = executor.submit(hash, ((root, portion),))?;
        futures.push(future.map(move |sums| (number, sums)));
    }
    let mut readable = 0;
    for future in as_completed(futures, after(LIMIT)) {
        let (number, sums) = future?.join()?;
        for ((path, _), sum) in portions[number].iter().zip(sums) {
            readable += usize::from(sum.is_some());
            let own = tree.read(path).ok().map(|content| crc32fast::hash(&content));
            if own != sum && !tree.changed(path) {
                return Err(format!("{}: {sum:?} instead of {own:?}", path.display()).into());
            }
        }
        progress.step();
    }
    drop(progress);
    let status = executor.status();
    for worker in &workers {
        worker.kill()?;
    }
    say(format_args!("{} by {}", count(readable, "check sum"), count(WORKERS, "worker")));
    Ok(format!(
        "{} hashed in {} over {server}",
        count(readable, "file"),
        count(status.ended as usize, "task")
    ))
}

/// A server that has just been started may not listen yet.
fn connect(server: &str) -> Result<RemoteExecutor, Failure> {
    let settings = Settings::new(server);
    let start = std::time::Instant::now();
    loop {
        match RemoteExecutor::connect(&settings) {
            Ok(executor) => return Ok(executor),
            Err(error) if start.elapsed() > LIMIT => return Err(error.into()),
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
}

/// One of this chapter's own; it is killed when the chapter is over, or the tour.
fn start_server() -> Option<(String, Server)> {
    let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let child = ["nats-server", "/usr/sbin/nats-server"].into_iter().find_map(|program| {
        let command = Command::new(program).args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        let command = command.stdin(Stdio::Null).stdout(Stdio::Null).stderr(Stdio::Null);
        command.die_with_parent(Signal::KILL).spawn().ok()
    })?;
    Some((format!("nats://127.0.0.1:{port}"), Server(child)))
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}
