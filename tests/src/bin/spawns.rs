//! Parents in odd circumstances that start programs; `tests/spawns.rs` runs them. Each checks what it sees
//! itself, and says with its exit code whether that was right: some have no standard streams.

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::zeroed;
    use std::process::exit;
    use std::ptr;
    use std::time::Duration;

    use inkle::platform::Deadline;
    use inkle::subprocess::{
        CheckError, Child, Command, CommunicateError, Signal, StartCause, Status, Stdio,
    };
    use inkle_tests::eventually;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(60);

    pub(crate) fn scenario(name: &str, argument: u32) {
        match name {
            "sigchld ignored" => sigchld(libc::SIG_IGN, 0),
            "no zombies" => sigchld(libc::SIG_DFL, libc::SA_NOCLDWAIT),
            "foreign wait" => foreign_wait(),
            "closed" => closed(argument),
            "exhausted" => exhausted(),
            "many" => many(argument),
            "group" => group(),
            "not delegated" => not_delegated(),
            other => {
                eprintln!("no scenario {other:?}");
                exit(99);
            }
        }
    }

    /// For `tests/trees.rs`: goes into a group of its own, says its number, and stays.
    fn group() {
        // SAFETY: moves this process alone.
        assert_eq!(unsafe { libc::setpgid(0, 0) }, 0);
        println!("2 {}", std::process::id());
        std::thread::sleep(LONG);
    }

    /// As a user to whom nobody has given any control group.
    fn not_delegated() {
        const NOBODY: libc::uid_t = 65534;
        // SAFETY: of this process alone.
        assert_eq!(unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) }, 0);
        let before = descriptors();
        let error = Command::new("true").capture_output().new_cgroup().spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::ControlGroup { .. }), "{error}");
        assert_eq!(descriptors(), before);
        assert!(!has_children());
    }

    fn sh(line: &str) -> Command {
        Command::shell(line)
    }

    fn descriptors() -> usize {
        // SAFETY: asks only.
        (0..1024).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).count()
    }

    /// Whether this process has a child, running or not.
    fn has_children() -> bool {
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: zeros are such a value, and the call writes it.
        unsafe {
            let mut info: libc::siginfo_t = zeroed();
            libc::waitid(libc::P_ALL, 0, &raw mut info, options) == 0
        }
    }

    /// Everything but how they ended is as ever.
    fn children_that_somebody_else_is_told_of(status: impl Fn(Status, Status)) {
        let before = descriptors();
        let done = sh("cat; echo err >&2; exit 3").input("in").capture_output().run().unwrap();
        assert_eq!(done.output.stdout, b"in");
        assert_eq!(done.output.stderr, b"err\n");
        status(done.status, Status::Exited(3));
        assert_eq!(done.usage.is_none(), done.status == Status::Unknown);
        let error = Command::new("no-such-program").spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::NotFound), "{error}");

        let child = sh("echo out; exec sleep 60").stdout(Stdio::Pipe).spawn().unwrap();
        assert!(child.poll().is_none());
        assert!(child.wait_timeout(Duration::from_millis(20)).is_err());
        eventually(|| match child.communicate_until([], Deadline::PASSED) {
            Err(CommunicateError::TimedOut(partial)) => partial.stdout == b"out\n",
            other => panic!("it has ended: {other:?}"),
        });
        child.kill().unwrap();
        let killed = Status::Killed { signal: Signal::KILL, core_dumped: false };
        status(child.wait_timeout(LONG).unwrap(), killed);
        assert_eq!(child.communicate_timeout([], LONG).unwrap().stdout, b"out\n");
        assert!(child.kill().is_ok());

        let slow = sh("exec sleep 60").timeout(Duration::from_millis(20)).run();
        assert!(matches!(slow, Err(CheckError::TimedOut(_))));
        let children: Vec<Child> = (0..50).map(|_| sh("exit 3").spawn().unwrap()).collect();
        for child in &children {
            status(child.wait_timeout(LONG).unwrap(), Status::Exited(3));
        }
        drop((child, children));
        drop(sh("exec sleep 0.1").spawn().unwrap());
        eventually(|| !has_children());
        eventually(|| descriptors() == before);
    }

    fn sigchld(handler: libc::sighandler_t, flags: libc::c_int) {
        // SAFETY: zeros are an action, and no function is set that could be called.
        unsafe {
            let mut action: libc::sigaction = zeroed();
            action.sa_sigaction = handler;
            action.sa_flags = flags;
            assert_eq!(libc::sigaction(libc::SIGCHLD, &raw const action, ptr::null_mut()), 0);
        }
        // The system tells nobody.
        children_that_somebody_else_is_told_of(|status, _| assert_eq!(status, Status::Unknown));
    }

    /// As an old library may have one.
    fn foreign_wait() {
        std::thread::spawn(|| {
            loop {
                // SAFETY: nowhere to write.
                if unsafe { libc::waitpid(-1, ptr::null_mut(), 0) } == -1 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        children_that_somebody_else_is_told_of(|status, expected| {
            assert!(status == expected || status == Status::Unknown, "{status}");
        });
    }

    /// Without some of the standard streams: a bit each.
    fn closed(which: u32) {
        let is_closed = |fd: u32| which & (1 << fd) != 0;
        for fd in (0..3).filter(|fd| is_closed(*fd)) {
            // SAFETY: nothing here uses the stream after this.
            assert_eq!(unsafe { libc::close(fd as libc::c_int) }, 0);
        }
        let before = descriptors();
        let done = sh("cat; echo err >&2").input("in").capture_output().run().unwrap();
        assert_eq!(done.output.stdout, b"in");
        assert_eq!(done.output.stderr, b"err\n");
        let done = sh("cat; echo err >&2")
            .input("in")
            .stdout(Stdio::Pipe)
            .stderr(Stdio::Stdout)
            .run()
            .unwrap();
        assert_eq!(done.output.stdout, b"inerr\n");
        let done = sh("cat; echo out").stdin(Stdio::Null).stdout(Stdio::Pipe).run().unwrap();
        assert_eq!(done.output.stdout, b"out\n");

        // What is inherited is what this process has, and no pipe of ours.
        for pipe in 0..3 {
            let mut command = sh("for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] || s=$s$fd; done; \
                 case \"$s\" in \"$0\") exit 5;; esac; exit 6");
            let mut expected = String::new();
            for fd in 0..3 {
                if fd == pipe {
                    command = match fd {
                        0 => command.stdin(Stdio::Pipe),
                        1 => command.stdout(Stdio::Pipe),
                        _ => command.stderr(Stdio::Pipe),
                    };
                } else if is_closed(fd) {
                    expected.push_str(&fd.to_string());
                }
            }
            assert_eq!(command.arg(&expected).run().unwrap().status.code(), Some(5), "{pipe}");
        }
        // The standard error goes where the output goes, if that is anywhere.
        let both = sh("exit 7").stdin(Stdio::Pipe).stderr(Stdio::Stdout).run();
        if is_closed(1) {
            let Err(CheckError::Start(error)) = both else { panic!("{both:?}") };
            assert!(matches!(error.cause(), StartCause::Descriptors(_)));
        } else {
            assert_eq!(both.unwrap().status.code(), Some(7));
        }
        assert_eq!(descriptors(), before);
        assert!(!has_children());
    }

    /// With no, one, two and so on descriptors left.
    fn exhausted() {
        const MOST: u64 = 40;
        let limit = libc::rlimit { rlim_cur: MOST, rlim_max: MOST };
        // SAFETY: of this process alone.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let mut held = Vec::new();
        // SAFETY: makes a descriptor of a descriptor.
        let dup = || match unsafe { libc::dup(2) } {
            -1 => None,
            fd => Some(fd),
        };
        while let Some(fd) = dup() {
            held.push(fd);
        }
        let full = descriptors();
        let mut started = 0;
        for left in 0..10 {
            let before = descriptors();
            assert_eq!(before, full - left);
            let result = sh("cat; echo err >&2").input("in").capture_output().run();
            match result {
                Ok(done) => {
                    assert_eq!(done.output.stdout, b"in");
                    assert_eq!(done.output.stderr, b"err\n");
                    started += 1;
                }
                Err(CheckError::Start(error)) => {
                    assert_eq!(started, 0, "{left} left");
                    assert!(matches!(error.cause(), StartCause::Descriptors(_)), "{error}");
                }
                Err(error) => panic!("{left} left: {error}"),
            }
            let plain = Command::new("true").spawn();
            match plain {
                Ok(child) => assert!(child.wait().success()),
                Err(error) => {
                    assert_eq!(left, 0, "{error}");
                    assert!(matches!(error.cause(), StartCause::Descriptors(_)), "{error}");
                }
            }
            assert_eq!(descriptors(), before);
            assert!(!has_children());
            // SAFETY: a duplicate that nobody else knows of.
            unsafe { libc::close(held.pop().unwrap()) };
        }
        // Three pipes and what stands for the child.
        assert_eq!(started, 3);
    }

    fn resident() -> u64 {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Starts that go well and starts that fail, and nothing is left of them.
    fn many(count: u32) {
        let one = |n: u32| {
            let command = |program: &str| Command::new(program).capture_output();
            match n % 8 {
                0 => {
                    let error = command("no-such-program").spawn().unwrap_err();
                    assert!(matches!(error.cause(), StartCause::NotFound));
                }
                1 => {
                    let error = command("true").current_dir("/no/such").spawn().unwrap_err();
                    assert!(matches!(error.cause(), StartCause::Directory { .. }));
                }
                2 => {
                    let error = command("true").arg("a\0").spawn().unwrap_err();
                    assert!(matches!(error.cause(), StartCause::Nul { .. }));
                }
                3 => {
                    let error = command("/").spawn().unwrap_err();
                    assert!(matches!(error.cause(), StartCause::NotExecutable(_)));
                }
                4 => drop(command("true").stdin(Stdio::Pipe).spawn().unwrap()),
                5 => {
                    let child = command("sleep").arg("60").spawn().unwrap();
                    child.kill().unwrap();
                    assert_eq!(child.wait().signal(), Some(Signal::KILL));
                }
                6 => {
                    let done = command("cat").input(vec![b'x'; 100]).run().unwrap();
                    assert_eq!(done.output.stdout.len(), 100);
                }
                _ => assert_eq!(command("false").spawn().unwrap().wait().code(), Some(1)),
            }
        };
        (0..400).for_each(one);
        eventually(|| !has_children());
        let (before, memory) = (descriptors(), resident());
        (0..count).for_each(one);
        eventually(|| !has_children());
        // They may be fewer: who looks after the dropped ones lets go of its own a moment later.
        eventually(|| descriptors() <= before);
        // In pages: less than a page for each four.
        let grown = resident().saturating_sub(memory);
        assert!(grown < u64::from(count) / 4 + 64, "{grown} pages more");
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    {
        let mut arguments = std::env::args().skip(1);
        let name = arguments.next().unwrap_or_default();
        let number = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
        linux::scenario(&name, number);
    }
}
