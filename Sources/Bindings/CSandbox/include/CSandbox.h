// Runs one program in its own namespaces, with a directory as its root file system. Plain C because between
// clone3(2) and execve(2) only async-signal-safe calls are allowed: the caller may have had other threads.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>  // for Cancellation.swift
#include <sys/signalfd.h>  // for OpenSandbox.swift
#include <sys/sysinfo.h>  // for Limits.swift
#include <sys/ioctl.h>
#include <sys/types.h>
#include <time.h>

/// A file or directory of the host that is shown inside.
struct sandbox_bind {
  const char *source;  ///< path on the host; NULL stands for the policy-rc.d script that starts no service
  const char *target;  ///< absolute path inside
  int read_only;
  int skipped;  ///< out: errno when the target could not be made, else 0
};

/// Everything a run needs. Every pointer must stay valid until `sandbox_run` returns.
struct sandbox_plan {
  const char *root;  ///< directory that becomes /
  const char *working_directory;
  char *const *arguments;
  char *const *environment;
  struct sandbox_bind *binds;
  size_t bind_count;
  int streams[3];    ///< descriptors the program gets as 0, 1 and 2
  int cancellation;  ///< when this descriptor becomes readable the run is interrupted; -1 for none
  int attended;      ///< watch this process's signals and terminal; the streams are its own 0, 1 and 2
  int isolated_network;
  int network;  ///< descriptor of a network namespace to join; -1 for none
  int control_group;  ///< descriptor of the directory of a control group for all processes inside; -1 for none
  int process_ids;    ///< how many process IDs there are inside, where the kernel can limit them; 0 for any number
  int suppress_sync;
  const char *transaction;  ///< what /run/ast/transaction inside says; NULL for no such file
};

/// The step in which a run failed.
enum sandbox_step {
  SANDBOX_STEP_NONE,
  SANDBOX_STEP_PREPARE,
  SANDBOX_STEP_CLONE,
  SANDBOX_STEP_STREAMS,
  SANDBOX_STEP_PRIVATE_MOUNTS,
  SANDBOX_STEP_SOURCE,
  SANDBOX_STEP_ROOT,
  SANDBOX_STEP_PIVOT,
  SANDBOX_STEP_MOUNT_POINT,
  SANDBOX_STEP_MOUNT,
  SANDBOX_STEP_DEVICE,
  SANDBOX_STEP_FILE,
  SANDBOX_STEP_NETWORK,
  SANDBOX_STEP_FORK,
  SANDBOX_STEP_FILTER,
  SANDBOX_STEP_CAPABILITIES,
  SANDBOX_STEP_WORKING_DIRECTORY,
  SANDBOX_STEP_EXECUTE,
  SANDBOX_STEP_INIT_DIED,
};

/// A mount point that was missing in the root and had to be made.
struct sandbox_created {
  char *path;                     ///< inside the root, without symbolic links
  struct timespec parent_before;  ///< modification time of its directory before ...
  struct timespec parent_after;   ///< ... and after it was made
};

struct sandbox_result {
  int error;  ///< errno of the step that failed, 0 if the program was executed
  enum sandbox_step step;
  char *path;        ///< subject of the failed step, or NULL
  int wait_status;   ///< of the program, as from wait(2)
  int interruption;  ///< the signal that interrupted the run, or 0
  struct sandbox_created *created;
  size_t created_count;
};

/// Runs a program and waits for its end. Returns 0, or -1 when `result->error` is set.
/// `sandbox_result_free` must be called in both cases.
int sandbox_run(const struct sandbox_plan *plan, struct sandbox_result *result);

void sandbox_result_free(struct sandbox_result *result);

/// The first process of a sandbox that stays open.
struct sandbox_open {
  int pidfd;    ///< readable when it and all processes inside have ended
  int channel;  ///< its orders and its messages: `sandbox_call_message`
};

/// Makes a sandbox in which programs are started by calls. Returns when it is ready: 0, or -1 when `result->error` is set.
/// Arguments, streams and the attendance of the plan are not used.
int sandbox_open(const struct sandbox_plan *plan, struct sandbox_open *open, struct sandbox_result *result);

/// Kills everything inside, and waits for the end.
void sandbox_close(struct sandbox_open *open);

enum sandbox_call_kind {
  SANDBOX_CALL_WORDS = 1,  ///< from a call: the next part of arguments and environment
  SANDBOX_CALL_START,      ///< from a call: all words are there; to init, with a file of the words and the inner streams
  SANDBOX_CALL_STREAMS,    ///< to a call: the outer ends; from init: the outer end of a terminal
  SANDBOX_CALL_SIGNAL,     ///< a signal for the program
  SANDBOX_CALL_NO_READER,  ///< from a call: nobody reads the output of this number any more
  SANDBOX_CALL_STOPPED,    ///< the program was stopped, by this signal
  SANDBOX_CALL_ENDED,      ///< the program has ended, with this wait status
  SANDBOX_CALL_FAILED,     ///< it was not started: errno; the step is in `words`
  SANDBOX_CALL_CLOSE,      ///< keep the changes
  SANDBOX_CALL_ABORT,      ///< discard them
  SANDBOX_CALL_ANSWER,     ///< the answer to these two, and to a call that is refused: text
  SANDBOX_CALL_STORE,      ///< from a call, first: which store it means
};

/// A message of a call, of the attendant or of init. Text or words may follow it in the same packet.
struct sandbox_call_message {
  int32_t kind;
  int32_t call;      ///< its number, given by the attendant
  int32_t value;
  int32_t words;     ///< SANDBOX_CALL_START: how many; the first `value` of them are arguments, the others the environment
  int32_t terminal;  ///< whether the program gets a terminal, with this size and these modes
  struct winsize size;
  unsigned char modes[64];  ///< struct termios, which the headers of the kernel name, too
};

enum { SANDBOX_CALL_PART = 32768, SANDBOX_CALL_DESCRIPTORS = 4 };

/// Sends a message with `length` bytes of text, and descriptors. 0, or -1 and errno.
int sandbox_call_send(int socket, const struct sandbox_call_message *message, const void *text, size_t length,
                      const int *descriptors, int count);

/// Receives a message, its text of at most SANDBOX_CALL_PART bytes, and SANDBOX_CALL_DESCRIPTORS descriptors; others are
/// closed. Returns the length of the text, or -1 at the end or if it is not a message.
ssize_t sandbox_call_receive(int socket, struct sandbox_call_message *message, void *text, int *descriptors, int *count);

/// The user at the other end of a socket; -1 if that is unknown.
uid_t sandbox_peer(int socket);

/// Starts a program that outlives this process, in a session of its own without a terminal, with / as its directory and
/// no descriptor but /dev/null and, at 3, `report`. 0, or -1 and errno.
int sandbox_detach(char *const *arguments, int report);

/// How a call ended.
struct sandbox_call_end {
  enum sandbox_call_kind kind;  ///< ENDED, FAILED or ANSWER; 0 if the attendant is gone, SIGNAL if the terminal is
  int value;                    ///< the wait status, or errno
  int step;
  char text[1024];  ///< of an answer
};

/// Tells the attendant at the other end of `socket` to start a program, and passes on between its streams and ours until it
/// has ended. `words` are arguments and environment, each with its NUL.
void sandbox_call(int socket, const char *words, size_t length, int arguments, int count, struct sandbox_call_end *end);

/// openat2(2) with RESOLVE_IN_ROOT: no symbolic link and no ".." leads out of `root`. A descriptor, or -1 and errno.
int sandbox_open_in_root(int root, const char *path, int flags);

/// Gives the calling thread, and all processes it starts from now on, their own mounts: mounts of the host still
/// arrive; other processes do not see the mounts made here, which end with the last process. 0, or -1 and errno.
int sandbox_unshare_mounts(void);

/// Gives this process, of any user, a user namespace and mounts of its own; the user and the group stay. Returns -1 with
/// errno set on failure.
int sandbox_unshare_user_mounts(void);

/// Makes the mount at `path` writable, in this mount namespace. 0, or -1 and errno.
int sandbox_set_writable(const char *path);

/// Shows the directory `source`, read-only, at `target` to the whole machine: to its first process and to all whose
/// mounts come from there. 0, or -1 and errno.
int sandbox_show_on_host(const char *source, const char *target);

/// Removes the last mount at `target` for the whole machine; processes that use it keep it. 0, or -1 and errno.
int sandbox_hide_on_host(const char *target);

/// A program of the host. Every pointer must stay valid until `sandbox_host_program_start` returns.
struct sandbox_host_program {
  char *const *arguments;  ///< the first is the program: a path, or a name that is looked up in PATH
  int streams[3];          ///< descriptors it gets as 0, 1 and 2
  int own_session;         ///< it has a session and a process group of its own
};

/// Starts a program. It ends when it is asked to, or with all that it has started when this process ends, killed or not.
/// Returns the process that guards it, for waitpid(2), or -1 and errno. `channel` is readable when the program has ended
/// or cannot be started.
int sandbox_host_program_start(const struct sandbox_host_program *program, int *channel);

/// Reads the end of the program: 0 and its wait status, or -1 and errno if it was not started.
int sandbox_host_program_read(int channel, int *status);

/// Asks the program to end: by SIGTERM, and with all that it has started by SIGKILL two seconds later.
void sandbox_host_program_end(int channel);

/// A range of addresses.
struct sandbox_prefix {
  unsigned char family;       ///< AF_INET or AF_INET6
  unsigned char length;       ///< in bits
  unsigned char address[16];  ///< of an IPv4 address the first four
};

/// The user that owns a network of its own.
struct sandbox_network_user {
  uid_t user;
  gid_t group;
};

/// A child that must be ended with `sandbox_network_end`.
struct sandbox_process {
  pid_t pid;
  int pidfd;
};

/// The step in which a network could not be made; errno is set.
enum sandbox_network_step {
  SANDBOX_NETWORK_STEP_NONE,
  SANDBOX_NETWORK_STEP_START,
  SANDBOX_NETWORK_STEP_USER,
  SANDBOX_NETWORK_STEP_NAMESPACES,
  SANDBOX_NETWORK_STEP_PROGRAM,
};

/// Lists the addresses of this machine itself, as the routes of the calling thread's network have them. The number, or -1
/// and errno; `*prefixes` must be freed.
ssize_t sandbox_own_prefixes(struct sandbox_prefix **prefixes);

/// Starts a process that holds a new network namespace, in which what is sent to `refused` addresses is refused at once.
/// It ends with the calling thread.
enum sandbox_network_step sandbox_network_hold(const struct sandbox_network_user *user, const struct sandbox_prefix *refused,
                                               size_t count, struct sandbox_process *holder);

/// Starts pasta(1); `words` begin with its path. Its messages come out of `*messages`, a pipe that must be closed. It ends
/// with the calling thread.
enum sandbox_network_step sandbox_network_connect(const struct sandbox_network_user *user, char *const *words, int *messages,
                                                  struct sandbox_process *pasta);

/// Keeps frames to `refused` addresses, to loopback addresses, to groups, and to all link-local addresses but `gateway`,
/// from pasta. 0, or -1 and errno: E2BIG if the addresses are too many.
int sandbox_network_filter(const struct sandbox_process *pasta, const struct sandbox_prefix *gateway,
                           const struct sandbox_prefix *refused, size_t count);

/// Kills a process, and waits for its end.
void sandbox_network_end(struct sandbox_process *process);
