//! The filter of system calls: what a provider has no business with is refused by the kernel.
//!
//! It is a list of what is denied, up to the newest system call that was looked at, and denies everything above. A list
//! of what is allowed would break a language's runtime with each new libc (CPython, V8 and wasmtime's compiled code must
//! run unharmed); an open end would let each new kernel widen what a provider reaches. What is denied is the list of
//! Docker's default profile for a container without capabilities, and beyond it: new namespaces in any form, seccomp
//! itself, io_uring, userfaultfd, ptrace, and memory of other processes.
//!
//! Written by hand, as `seccompiler` neither checks for x32 nor compares ranges, and gives one error per filter. The
//! kernel caches "always allowed" per number (Linux 5.11), so the length costs nothing for ordinary calls.
//!
//! It must not decide about addresses: that is the socket broker's, whose own filter goes in first. The strictest answer
//! of all filters counts (seccomp(2)), so what is refused here never reaches the broker.

use std::io;

/// linux/audit.h: `EM_* | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE`.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 62 | 0x8000_0000 | 0x4000_0000;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 183 | 0x8000_0000 | 0x4000_0000;

/// Numbers from here on are the x32 ABI's (`__X32_SYSCALL_BIT`, asm/unistd.h).
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// `landlock_restrict_self`, 446, is allowed; `memfd_secret` 447 is denied; up to `mseal`, 462 (Linux 6.10), each was
/// looked at. Numbers from 424 on are the same on every architecture.
const NEWEST: u32 = 462;

/// Offsets in `struct seccomp_data` (linux/seccomp.h), and the low halves of its little-endian arguments: all of them that the kernel
/// reads for an int.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const fn argument_low(index: u32) -> u32 {
    16 + 8 * index
}

/// asm-generic/ioctls.h: pastes into a virtual console.
const TIOCLINUX: u32 = 0x541c;

/// Answers EPERM.
const DENIED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    STATMOUNT,
    LISTMOUNT,
    // Files by handle, and privileged looks at file systems.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    // The kernel itself.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_memfd_secret,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    // Keys.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Clocks and names of the machine.
    libc::SYS_clock_settime,
    libc::SYS_settimeofday,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Memory placement of the whole machine.
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_set_mempolicy_home_node,
    // A filter can only restrict, yet compiling one is a large piece of kernel, and a second listener would be in the
    // broker's way.
    libc::SYS_seccomp,
    LSM_GET_SELF_ATTR,
    LSM_SET_SELF_ATTR,
    LSM_LIST_MODULES,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_sysfs,
    #[cfg(target_arch = "x86_64")]
    libc::SYS__sysctl,
];

/// Not yet in libc for every target (asm-generic/unistd.h).
const STATMOUNT: libc::c_long = 457;
const LISTMOUNT: libc::c_long = 458;
const LSM_GET_SELF_ATTR: libc::c_long = 459;
const LSM_SET_SELF_ATTR: libc::c_long = 460;
const LSM_LIST_MODULES: libc::c_long = 461;

/// Answers ENOSYS, so that callers fall back. A filter cannot see what clone3 points to; libcs then use clone.
const ABSENT: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Every CLONE_NEW* flag (linux/sched.h), CLONE_NEWTIME too, which shares a bit with the exit signal and is only
/// meaningful to clone3 and unshare: clone takes it as part of the signal's number, so it is not in this mask.
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// `socket`'s type without SOCK_NONBLOCK and SOCK_CLOEXEC (SOCK_TYPE_MASK, linux/net.h).
const SOCKET_KIND: u32 = 0xf;

/// Linux 2.0's packet sockets (linux/net.h); libc marks its own constant as old.
const SOCK_PACKET: u32 = 10;

/// Builds the filter.
pub(crate) fn filter() -> Vec<libc::sock_filter> {
    let mut code = Assembler::default();
    code.load(ARCHITECTURE_AT);
    code.unless_equal(ARCHITECTURE, libc::SECCOMP_RET_KILL_PROCESS);
    code.load(NUMBER_AT);
    #[cfg(target_arch = "x86_64")]
    code.if_at_least(X32, libc::SECCOMP_RET_KILL_PROCESS);
    code.if_at_least(NEWEST + 1, errno(libc::ENOSYS));
    for number in DENIED {
        code.if_equal(*number as u32, errno(libc::EPERM));
    }
    for number in ABSENT {
        code.if_equal(*number as u32, errno(libc::ENOSYS));
    }

    // The flags are clone's first argument on both architectures.
    code.call(libc::SYS_clone, |code| {
        code.load(argument_low(0));
        code.if_any_bit(NAMESPACES, errno(libc::EPERM));
    });
    // The kernel takes an ioctl's request as an unsigned int, so its low half is all of it.
    code.call(libc::SYS_ioctl, |code| {
        code.load(argument_low(1));
        code.if_equal(libc::TIOCSTI as u32, errno(libc::EPERM));
        code.if_equal(TIOCLINUX, errno(libc::EPERM));
    });
    code.call(libc::SYS_prctl, |code| {
        code.load(argument_low(0));
        code.if_equal(libc::PR_SET_SECCOMP as u32, errno(libc::EPERM));
    });
    // To ask is allowed (0xffffffff), and to become what one is.
    code.call(libc::SYS_personality, |code| {
        code.load(argument_low(0));
        code.if_equal(0, libc::SECCOMP_RET_ALLOW);
        code.if_equal(u32::MAX, libc::SECCOMP_RET_ALLOW);
        code.answer(errno(libc::EPERM));
    });
    for number in [libc::SYS_socket, libc::SYS_socketpair] {
        code.call(number, |code| {
            code.load(argument_low(1));
            code.and(SOCKET_KIND);
            code.if_equal(libc::SOCK_RAW as u32, errno(libc::EPERM));
            code.if_equal(SOCK_PACKET, errno(libc::EPERM));
            code.load(argument_low(0));
            for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
                code.if_equal(family as u32, libc::SECCOMP_RET_ALLOW);
            }
            code.answer(errno(libc::EAFNOSUPPORT));
        });
    }
    code.answer(libc::SECCOMP_RET_ALLOW);
    code.0
}

/// Puts the filter on the calling thread. It needs no-new-privileges, or CAP_SYS_ADMIN in its user namespace.
pub(crate) fn install() -> io::Result<()> {
    let mut code = filter();
    let length = u16::try_from(code.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = libc::sock_fprog { len: length, filter: code.as_mut_ptr() };
    // SAFETY: the program points to `length` instructions, which the kernel copies before it returns.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER as libc::c_ulong, 0_u64, &raw const program)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const fn errno(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | (number as u32 & libc::SECCOMP_RET_DATA)
}

/// Classic BPF, as far as it is needed: straight down, with answers in between.
#[derive(Default)]
struct Assembler(Vec<libc::sock_filter>);

impl Assembler {
    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) {
        self.0.push(libc::sock_filter { code: code as u16, jt, jf, k });
    }

    fn load(&mut self, offset: u32) {
        self.push(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    }

    fn and(&mut self, mask: u32) {
        self.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, mask);
    }

    fn answer(&mut self, action: u32) {
        self.push(libc::BPF_RET | libc::BPF_K, 0, 0, action);
    }

    fn if_equal(&mut self, value: u32, action: u32) {
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, value);
        self.answer(action);
    }

    fn unless_equal(&mut self, value: u32, action: u32) {
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, value);
        self.answer(action);
    }

    fn if_at_least(&mut self, value: u32, action: u32) {
        self.push(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, value);
        self.answer(action);
    }

    fn if_any_bit(&mut self, mask: u32, action: u32) {
        self.push(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, mask);
        self.answer(action);
    }

    /// What to do about one system call. It is allowed if `body` does not answer.
    fn call(&mut self, number: libc::c_long, body: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        body(&mut inner);
        inner.answer(libc::SECCOMP_RET_ALLOW);
        // A body has a dozen instructions; a jump reaches 255.
        let length = u8::try_from(inner.0.len()).unwrap_or(u8::MAX);
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, length, number as u32);
        self.0.append(&mut inner.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would answer: the instructions used here, as bpf(4) defines them.
    fn run(arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let code = filter();
        let mut data = [0_u8; 64];
        data[0..4].copy_from_slice(&number.to_le_bytes());
        data[4..8].copy_from_slice(&arch.to_le_bytes());
        for (index, argument) in arguments.iter().enumerate() {
            data[16 + 8 * index..24 + 8 * index].copy_from_slice(&argument.to_le_bytes());
        }
        let (mut at, mut a) = (0, 0_u32);
        loop {
            let op = code[at];
            at += 1;
            let jump = |taken: bool| usize::from(if taken { op.jt } else { op.jf });
            match u32::from(op.code) {
                0x20 => a = u32::from_le_bytes(data[op.k as usize..op.k as usize + 4].try_into().unwrap()),
                0x54 => a &= op.k,
                0x06 => return op.k,
                0x15 => at += jump(a == op.k),
                0x35 => at += jump(a >= op.k),
                0x45 => at += jump(a & op.k != 0),
                other => panic!("{other:#x}"),
            }
        }
    }

    fn call(number: libc::c_long, arguments: &[u64]) -> u32 {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        run(ARCHITECTURE, number as u32, all)
    }

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const HIGH: u64 = 0xdead_beef_0000_0000;

    #[test]
    fn other_architectures_are_killed_and_new_calls_absent() {
        assert_eq!(run(0x4000_0003, 1, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(call(0x4000_0001, &[]), libc::SECCOMP_RET_KILL_PROCESS);
        assert_eq!(call(463, &[]), errno(libc::ENOSYS));
        assert_eq!(call(462, &[]), ALLOW);
    }

    #[test]
    fn denied_and_absent_are_answered_and_ordinary_calls_pass() {
        for number in DENIED {
            assert_eq!(call(*number, &[]), errno(libc::EPERM), "{number}");
        }
        for number in ABSENT {
            assert_eq!(call(*number, &[]), errno(libc::ENOSYS), "{number}");
        }
        for number in [
            libc::SYS_read,
            libc::SYS_openat,
            libc::SYS_mmap,
            libc::SYS_mprotect,
            libc::SYS_execve,
            libc::SYS_futex,
            libc::SYS_epoll_pwait,
            libc::SYS_connect,
            libc::SYS_kill,
            libc::SYS_memfd_create,
            libc::SYS_pkey_alloc,
            libc::SYS_rseq,
        ] {
            assert_eq!(call(number, &[]), ALLOW, "{number}");
        }
    }

    #[test]
    fn arguments_are_looked_at_by_what_the_kernel_reads_of_them() {
        let fork = (libc::CLONE_VM | libc::CLONE_THREAD | libc::SIGCHLD) as u64;
        assert_eq!(call(libc::SYS_clone, &[fork]), ALLOW);
        for flag in 0..32 {
            if NAMESPACES >> flag & 1 == 1 {
                assert_eq!(call(libc::SYS_clone, &[fork | 1 << flag | HIGH]), errno(libc::EPERM));
            }
        }
        assert_eq!(call(libc::SYS_ioctl, &[0, 0x5412 | HIGH]), errno(libc::EPERM));
        assert_eq!(call(libc::SYS_ioctl, &[0, 0x5401]), ALLOW);
        assert_eq!(call(libc::SYS_prctl, &[22]), errno(libc::EPERM));
        assert_eq!(call(libc::SYS_prctl, &[15]), ALLOW);
        assert_eq!(call(libc::SYS_personality, &[0xffff_ffff]), ALLOW);
        assert_eq!(call(libc::SYS_personality, &[0x0040_0000]), errno(libc::EPERM));
    }

    #[test]
    fn sockets_are_of_three_families_and_never_raw() {
        let socket = |family: i32, kind: i32| call(libc::SYS_socket, &[family as u64 | HIGH, kind as u64 | HIGH]);
        assert_eq!(socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC), ALLOW);
        assert_eq!(socket(libc::AF_INET6, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK), ALLOW);
        assert_eq!(socket(libc::AF_UNIX, libc::SOCK_SEQPACKET), ALLOW);
        assert_eq!(socket(libc::AF_INET, libc::SOCK_RAW | libc::SOCK_CLOEXEC), errno(libc::EPERM));
        for family in [libc::AF_NETLINK, libc::AF_PACKET, libc::AF_ALG, libc::AF_VSOCK, libc::AF_BLUETOOTH, 255] {
            assert_eq!(socket(family, libc::SOCK_STREAM), errno(libc::EAFNOSUPPORT));
        }
    }
}
