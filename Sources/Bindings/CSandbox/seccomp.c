// A system call filter, seccomp(2), as classic BPF. It is not the wall (capabilities and namespaces are): it stops what
// neither of them covers. Installed with CAP_SYS_ADMIN and without no_new_privs, so set-user-ID programs work.
#include "internal.h"

#include <asm/termbits.h>
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/btrfs.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/serial.h>
#include <stddef.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// The numbers of the second architecture the processor runs are from the kernel's arch/x86/entry/syscalls/syscall_32.tbl
// and arch/arm/tools/syscall.tbl: a 32-bit program must not slip through.
#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define COMPAT AUDIT_ARCH_I386
#define CALL(name, i386, arm) {SYS_##name, i386}
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#define COMPAT AUDIT_ARCH_ARM
#define CALL(name, i386, arm) {SYS_##name, arm}
#else
#error "the system call filter knows x86_64 and aarch64 only"
#endif

struct call {
  uint32_t native, compat;
};

/// Every byte of a staged root may be lost until it is sealed; one syncfs(2) after the run replaces all of these.
static const struct call sync_calls[] = {
    CALL(sync, 36, 36),       CALL(syncfs, 344, 373), CALL(fsync, 118, 118),
    CALL(fdatasync, 148, 148), CALL(msync, 144, 144),  CALL(sync_file_range, 314, 341),
};

/// Keyrings belong to user ids, not to namespaces: uid 0 inside would hold the keys of root outside.
static const struct call key_calls[] = {
    CALL(add_key, 286, 309),
    CALL(request_key, 287, 310),
    CALL(keyctl, 288, 311),
};

/// What has no use in a node and a history of holes. With clone3(2) the flags are in memory, where the filter cannot see
/// them; the C library falls back to clone(2).
static const struct call absent_calls[] = {
    CALL(io_uring_setup, 425, 425),
    CALL(io_uring_enter, 426, 426),
    CALL(io_uring_register, 427, 427),
    CALL(clone3, 435, 435),
#if defined(__x86_64__)
    CALL(modify_ldt, 123, 0),
#endif
};

static const struct call ioctl_call = CALL(ioctl, 54, 54);
static const struct call clone_call = CALL(clone, 120, 120);
static const struct call unshare_call = CALL(unshare, 310, 337);
static const struct call socket_call = CALL(socket, 359, 281);
static const struct call personality_call = CALL(personality, 136, 136);

/// BTRFS_IOC_SET_RECEIVED_SUBVOL as 32-bit programs know it, which 64-bit ones may use too (fs/btrfs/ioctl.c): two of its
/// times are 4 bytes shorter.
enum {
  SET_RECEIVED_SUBVOL_32 = _IOC(_IOC_READ | _IOC_WRITE, BTRFS_IOCTL_MAGIC, 37,
                                sizeof(struct btrfs_ioctl_received_subvol_args) - 2 * sizeof(uint32_t))
};

static const struct {
  uint32_t request;
  int error;
} refused_ioctls[] = {
    // A nested subvolume would be silently missing from every later snapshot; programs that try fall back to a directory.
    {BTRFS_IOC_SUBVOL_CREATE, ENOTTY},
    {BTRFS_IOC_SUBVOL_CREATE_V2, ENOTTY},
    {BTRFS_IOC_SNAP_CREATE, ENOTTY},
    {BTRFS_IOC_SNAP_CREATE_V2, ENOTTY},
    {BTRFS_IOC_SNAP_DESTROY, ENOTTY},
    {BTRFS_IOC_SNAP_DESTROY_V2, ENOTTY},
    {BTRFS_IOC_SUBVOL_SETFLAGS, ENOTTY},
    // The owner may say what a subvolume was received from; "btrfs receive" on the host would believe it.
    {BTRFS_IOC_SET_RECEIVED_SUBVOL, ENOTTY},
    {SET_RECEIVED_SUBVOL_32, ENOTTY},
    // ioctl_tty(2): typing into the administrator's terminal, pasting there, and leaving it a strange line discipline.
    {TIOCSTI, EPERM},
    {TIOCLINUX, EPERM},
    {TIOCSETD, EPERM},
    // What stays when the program has ended: nobody can open the terminal again, its output is stopped for good.
    {TIOCEXCL, EPERM},
    {TCXONC, EPERM},
    // The settings and wires of a serial line.
    {TIOCSSERIAL, EPERM},
    {TIOCSRS485, EPERM},
    {TIOCSISO7816, EPERM},
    {TIOCMSET, EPERM},
    {TIOCMBIS, EPERM},
    {TIOCMBIC, EPERM},
    {TIOCSBRK, EPERM},
};

/// The kinds of requests that ioctl_console(2) describes: on a virtual console, a program can switch the keyboard and the
/// picture off, also for those that come after it.
static const uint32_t console_ioctls[] = {'K' << 8, 'V' << 8};

enum { CAPACITY = 256, X32_BIT = 0x40000000 };

struct program {
  struct sock_filter code[CAPACITY];
  unsigned short length;
};

static void emit(struct program *program, struct sock_filter instruction) {
  if (program->length < CAPACITY) program->code[program->length++] = instruction;
}

static void load(struct program *program, size_t offset) {
  emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void refuse(struct program *program, int error) {
  emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error));
}

static void refuse_value(struct program *program, uint32_t value, int error) {
  emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
  refuse(program, error);
}

static void allow(struct program *program) {
  emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/// The lower half of an argument. The kernel takes these arguments as 32 bits, so the upper half makes no difference.
static void load_argument(struct program *program, int number) {
  load(program, offsetof(struct seccomp_data, args) + (size_t)number * sizeof(uint64_t));
}

/// The rules for one call, which `rules` ends with a verdict; other calls go on behind them.
static void with_call(struct program *program, struct call call, bool compat, void (*rules)(struct program *)) {
  unsigned short jump = program->length;
  emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, compat ? call.compat : call.native, 0, 0));
  rules(program);
  program->code[jump].jf = (unsigned char)(program->length - jump - 1);
}

/// In a user namespace of its own the program would have every capability again.
static void namespace_rules(struct program *program) {
  load_argument(program, 0);
  emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1));
  refuse(program, EPERM);
  allow(program);
}

/// Neither the host of a virtual machine nor the audit system is in a network namespace. Programs that write audit
/// records go on when the kernel says that it has no such system (libaudit).
static void socket_rules(struct program *program) {
  load_argument(program, 0);
  refuse_value(program, AF_VSOCK, EAFNOSUPPORT);
  emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0));
  allow(program);
  load_argument(program, 2);
  refuse_value(program, NETLINK_AUDIT, EPROTONOSUPPORT);
  allow(program);
}

/// personality(2): asking, and what uname(2) says, as docker has it.
static void personality_rules(struct program *program) {
  static const uint32_t harmless[] = {0xffffffff, PER_LINUX, PER_LINUX32};
  load_argument(program, 0);
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, harmless[i], 0, 1));
    allow(program);
  }
  refuse(program, EPERM);
}

static void ioctl_rules(struct program *program) {
  load_argument(program, 1);
  for (size_t i = 0; i < sizeof refused_ioctls / sizeof *refused_ioctls; i++)
    refuse_value(program, refused_ioctls[i].request, refused_ioctls[i].error);
  emit(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~0xffu));
  for (size_t i = 0; i < sizeof console_ioctls / sizeof *console_ioctls; i++)
    refuse_value(program, console_ioctls[i], EPERM);
  allow(program);
}

static void refuse_calls(struct program *program, const struct call *calls, size_t count, bool compat, int error) {
  for (size_t i = 0; i < count; i++) refuse_value(program, compat ? calls[i].compat : calls[i].native, error);
}

/// The rules of one architecture. SECCOMP_RET_ERRNO with 0 makes a call succeed without doing anything.
static void emit_rules(struct program *program, bool compat, bool suppress_sync) {
  load(program, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
  if (!compat) {
    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    refuse(program, ENOSYS);
  }
#endif
  if (suppress_sync) refuse_calls(program, sync_calls, sizeof sync_calls / sizeof *sync_calls, compat, 0);
  refuse_calls(program, key_calls, sizeof key_calls / sizeof *key_calls, compat, ENOSYS);
  refuse_calls(program, absent_calls, sizeof absent_calls / sizeof *absent_calls, compat, ENOSYS);
  with_call(program, clone_call, compat, namespace_rules);
  with_call(program, unshare_call, compat, namespace_rules);
  with_call(program, socket_call, compat, socket_rules);
  with_call(program, personality_call, compat, personality_rules);
  with_call(program, ioctl_call, compat, ioctl_rules);
  allow(program);
}

/// Jumps are at most 255 instructions wide, far more than one block of rules.
static void emit_architecture(struct program *program, uint32_t architecture, bool compat, bool suppress_sync) {
  unsigned short jump = program->length;
  emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 0, 0));
  emit_rules(program, compat, suppress_sync);
  program->code[jump].jf = (unsigned char)(program->length - jump - 1);
}

int sandbox_install_filter(bool suppress_sync) {
  struct program program = {.length = 0};
  load(&program, offsetof(struct seccomp_data, arch));
  emit_architecture(&program, NATIVE, false, suppress_sync);
  emit_architecture(&program, COMPAT, true, suppress_sync);
  refuse(&program, ENOSYS);
  if (program.length >= CAPACITY) {
    errno = E2BIG;
    return -1;
  }
  struct sock_fprog filter = {.len = program.length, .filter = program.code};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

// linux/landlock.h of Linux 6.12; older headers and kernels lack `scoped`.
enum { LANDLOCK_SCOPE_ABSTRACT_SOCKETS = 1 };
struct landlock_rules {
  uint64_t handled_access_fs, handled_access_net, scoped;
};

/// Abstract Unix sockets belong to the network namespace: with the host's network the program could talk to the host's
/// daemons. landlock(7) keeps it to sockets made inside, from Linux 6.12 on; before, only an isolated network does.
void sandbox_scope_abstract_sockets(void) {
  struct landlock_rules rules = {.scoped = LANDLOCK_SCOPE_ABSTRACT_SOCKETS};
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  if (ruleset < 0) return;
  (void)syscall(SYS_landlock_restrict_self, ruleset, 0);
  close(ruleset);
}
