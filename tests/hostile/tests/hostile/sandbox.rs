//! What a native program tries against the machine. The kernel's errors are the answers, in the C library's words.

use igloo_hostile::cases;

const DENIED: &[&str] = &["refused: Operation not permitted", "refused: Permission denied"];
const ABSENT: &[&str] = &["refused: No such file or directory", "refused: Permission denied"];
const NO_PROCESS: &[&str] = &["refused: No such process", "refused: Operation not permitted"];
/// There is no such user inside, where there are user namespaces.
const NOT_ROOT: &[&str] = &["refused: Invalid argument", "refused: Operation not permitted"];
const ENVIRONMENT: &str =
    "done: {'HOME': '/data', 'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8', 'TMPDIR': '/tmp', 'IGLOO_FD': '3'}";

cases! {
    traces_its_init: process => attempts("ptrace", "1").sees(answered(super::DENIED)).sees(Seen::Obeys);
    traces_the_hub: process => attempts("ptrace", "{hub}").sees(answered(super::DENIED)).sees(Seen::Obeys);
    kills_the_hub: process => attempts("kill", "{hub}").sees(answered(super::NO_PROCESS)).sees(Seen::Obeys);
    // Its init is not to be killed from inside, and itself is not among "all".
    kills_all: process => attempts("kill", "-1").sees(answered(super::NO_PROCESS)).sees(Seen::Obeys);
    sees_only_its_processes: process => attempts("processes", "").sees(answered(&["done: [1, 2]", "done: [1, 2, 3]"]));
    has_only_its_descriptors: process => attempts("descriptors", "").sees(answered(&["done: [0, 1, 2, 3]"]));
    reads_its_environment: process =>
        attempts("environment", "").sees(answered(&[super::ENVIRONMENT]));
    forks_without_end: process =>
        attempts("fork-bomb", "").sees(answered(&["Resource temporarily unavailable after"]));
    becomes_root: process => attempts("setuid", "0").sees(answered(super::NOT_ROOT)).sees(Seen::Obeys);
    changes_its_root: process => attempts("chroot", "/tmp").sees(answered(super::DENIED));
    mounts: process => attempts("mount", "/tmp").sees(answered(super::DENIED));
    // CLONE_NEWUSER, CLONE_NEWNS and CLONE_NEWNET of linux/sched.h.
    unshares_its_user: process => attempts("unshare", "268435456").sees(answered(super::DENIED));
    unshares_its_mounts: process => attempts("unshare", "131072").sees(answered(super::DENIED));
    clones_into_a_user_namespace: process => attempts("clone", "268435456").sees(answered(super::DENIED));
    clones_into_a_network: process => attempts("clone", "1073741824").sees(answered(super::DENIED));
    restarts_the_machine: process => attempts("reboot", "").sees(answered(super::DENIED));
    sets_the_clock: process => attempts("set-clock", "").sees(answered(super::DENIED));
    raises_its_limits: process => attempts("raise-limit", "").sees(answered(&["refused: ", "not allowed to raise"]));
    opens_a_serial_device: process => attempts("open-device", "/dev/ttyS0").sees(answered(super::ABSENT));
    opens_the_memory: process => attempts("open-device", "/dev/mem").sees(answered(super::ABSENT));
    makes_a_device: process => attempts("make-device", "/data/serial").sees(answered(super::DENIED));
    reads_shadow: process => attempts("read", "/etc/shadow").sees(answered(super::ABSENT));
    reads_the_hubs_data: process => attempts("read", "{data}/igloo.db").sees(answered(super::ABSENT));
    reads_above_its_directory: process =>
        attempts("read", "/data/../../../../../../root/.bashrc").sees(answered(super::ABSENT));
    reads_through_a_symlink: process => attempts("symlink", "/etc/shadow").sees(answered(super::ABSENT));
    reads_through_a_hard_link: process =>
        attempts("hard-link", "{data}/igloo.db").sees(answered(&["refused: "])).sees(Seen::Obeys);
    reads_its_inits_environment: process => attempts("read", "/proc/1/environ").sees(answered(super::ABSENT));
    reads_its_inits_memory: process => attempts("read", "/proc/1/mem").sees(answered(&["refused: "]));
    reads_through_its_inits_root: process =>
        attempts("read", "/proc/1/root/etc/shadow").sees(answered(super::ABSENT));
    reads_the_hubs_environment: process => attempts("read", "/proc/{hub}/environ").sees(answered(super::ABSENT));
    writes_to_its_program: process => attempts("write", "/app/executable").sees(answered(&["refused: "]));
    writes_to_the_system: process => attempts("write", "/usr/bin/igloo-was-here").sees(answered(&["refused: "]));
    connects_to_a_unix_socket: process => attempts("connect-unix", "/run/dbus/system_bus_socket").sees(answered(&["refused: "]));
    connects_to_an_abstract_socket: process => attempts("connect-unix", "@igloo-hostile").sees(answered(&["refused: "]));
    opens_a_raw_socket: process => attempts("socket", "AF_INET SOCK_RAW").sees(answered(super::DENIED));
    opens_a_packet_socket: process => attempts("socket", "AF_PACKET SOCK_RAW").sees(answered(&["refused: "]));
    connects_with_its_own_socket: process =>
        attempts("connect", "127.0.0.1:{other}").sees(answered(super::DENIED)).sees(denied("connect", "127.0.0.1:{other}"));
    fills_its_disk: process => attempts("fill-disk", "").sees(answered(&["File too large after"]));
}
