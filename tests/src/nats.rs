//! A real server for the tests of `remote`, each test its own: on a free port of the loopback, with a data
//! folder of its own, and dead when the test is over.

use std::env;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::eventually;

/// Where Debian puts it, beside wherever `PATH` leads.
const PLACES: [&str; 2] = ["nats-server", "/usr/sbin/nats-server"];

/// A server.
#[derive(Debug)]
pub struct Server {
    program: &'static str,
    child: Option<Child>,
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Server {
    /// One that lets everybody in and keeps what is to be kept. `None` if there is no program, which is
    /// said in one line; with `INKLE_NATS=required` that is a failure.
    pub fn start() -> Option<Self> {
        Self::with("", &["-js"])
    }

    /// One with this configuration and these arguments.
    pub fn with(configuration: &str, arguments: &[&str]) -> Option<Self> {
        let runs = |name: &&str| {
            let version = Command::new(name).arg("--version").stdout(Stdio::null()).status();
            version.is_ok_and(|status| status.success())
        };
        let Some(program) = PLACES.into_iter().find(runs) else {
            let required = env::var_os("INKLE_NATS").is_some_and(|value| value == "required");
            assert!(!required, "there is no nats-server");
            eprintln!("NOT RUN: there is no nats-server (apt-get install nats-server)");
            return None;
        };
        static SERVERS: AtomicU32 = AtomicU32::new(0);
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("inkle-nats-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("server.conf");
        fs::write(&file, configuration).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut all = vec!["-c".into(), file.display().to_string()];
        all.extend(["-a".into(), "127.0.0.1".into(), "-p".into(), port.to_string()]);
        all.extend(["-sd".into(), folder.join("data").display().to_string()]);
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let mut server = Self { program, child: None, port, folder, arguments: all };
        server.run();
        Some(server)
    }

    fn run(&mut self) {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let log = fs::File::create(self.folder.join("log")).unwrap();
        // It does not outlive a test that is killed.
        #[cfg(target_os = "linux")]
        // SAFETY: one system call, between fork and exec.
        unsafe {
            use std::os::unix::process::CommandExt;
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        self.child = Some(command.stderr(log).spawn().unwrap());
        eventually(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where it listens on this machine's address, if it was told to listen everywhere.
    pub fn url_at(&self, address: &str) -> String {
        format!("nats://{address}:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files lie.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Kills it, as a loss of power would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Kills it, and starts it again at the same place with the same data.
    pub fn restart(&mut self) {
        self.kill();
        self.run();
    }

    fn signal(&self, signal: i32) {
        if let Some(child) = &self.child {
            // SAFETY: a signal to a process that a test has started and not yet waited for.
            unsafe { libc::kill(child.id() as i32, signal) };
        }
    }

    /// Nothing comes through any more, and no connection is closed: as when the network is cut.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Ends that.
    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
