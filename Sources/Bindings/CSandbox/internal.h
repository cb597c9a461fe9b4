// Shared by the two processes of a run: the attendant (a thread of the caller) and the namespace's init (PID 1).
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CSandbox.h"

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

enum message_kind { MESSAGE_FAILED = 1, MESSAGE_CREATED, MESSAGE_SKIPPED, MESSAGE_STOPPED, MESSAGE_ENDED, MESSAGE_READY };

/// A message from init to the attendant. Only the used part of `path` is sent.
struct message {
  int32_t kind;
  int32_t step;   ///< MESSAGE_FAILED: enum sandbox_step; MESSAGE_SKIPPED: index of the bind
  int32_t value;  ///< errno, stop signal or wait status
  off_t input_offset;  ///< MESSAGE_ENDED: how far standard input was read, or -1
  struct timespec parent_before, parent_after;
  char path[PATH_MAX];
};

/// An order from the attendant to init: a signal number for the program, or this.
enum { ORDER_FOREGROUND = 1000 };

struct sandbox {
  const struct sandbox_plan *plan;
  int channel;         ///< the caller's or init's end of a SOCK_SEQPACKET pair
  int *bind_mounts;    ///< room for the detached mounts of `plan->binds`
  char **shell_words;  ///< room for "/bin/sh", the program's path and its arguments
  int streams[3];      ///< the program's: the caller's, or these opened again
  char terminal[PATH_MAX];  ///< path of the terminal on standard input, or empty
  char *words;              ///< where the caller's arguments are in its memory, or NULL
  size_t words_size;
  bool own_group;      ///< interactive: the program has a process group of its own
  bool foreground;     ///< ... and that group has the terminal
  bool serves;         ///< it stays open for calls
};

// init.c
_Noreturn void sandbox_init(struct sandbox *sandbox);
pid_t sandbox_clone(uint64_t flags, int *pidfd, int exit_signal, int control_group);

// serve.c: the part of init in a sandbox that stays open
_Noreturn void sandbox_serve(const struct sandbox *sandbox);

// report.c: messages to the attendant.
_Noreturn void sandbox_fail(const struct sandbox *sandbox, enum sandbox_step step, const char *path);
void sandbox_tell(const struct sandbox *sandbox, struct message *message, const char *path);

// root.c, which calls binds.c, dev.c and proc.c; these call mountpoint.c.
void sandbox_enter_root(struct sandbox *sandbox);
void sandbox_mount_dev(const struct sandbox *sandbox, int console);
void sandbox_mount_proc(const struct sandbox *sandbox);
void sandbox_protect_proc(const struct sandbox *sandbox);
void sandbox_open_binds(const struct sandbox *sandbox);
void sandbox_attach_binds(const struct sandbox *sandbox);
int sandbox_directory(const struct sandbox *sandbox, const char *path, bool may_be_link);
int sandbox_mount_point(const struct sandbox *sandbox, const char *path, bool is_directory);

// mount.c: wrappers of the new mount system calls. All return -1 and set errno on error.
struct option {
  const char *key, *value;
};
int mount_new(const char *type, const struct option *options, uint64_t attributes);
int mount_clone(const char *path, uint64_t attributes);
int mount_set(int mount, uint64_t set, uint64_t clear);
int mount_attach(int mount, int target);
int mount_attach_at(int mount, const char *target);

// program.c, capabilities.c, seccomp.c
_Noreturn void sandbox_program(const struct sandbox *sandbox);
int sandbox_drop_capabilities(bool raw_network);
int sandbox_install_filter(bool suppress_sync);
void sandbox_scope_abstract_sockets(void);

// streams.c
void sandbox_open_streams(struct sandbox *sandbox);
void sandbox_pass_on_input(const struct sandbox *sandbox, off_t input_offset);
void sandbox_close_streams(struct sandbox *sandbox);

// network.c
void sandbox_enter_network(const struct sandbox *sandbox);

// routes.c: for the network of the calling process.
int network_raise_loopback(void);
void network_prohibit(const struct sandbox_prefix *refused, size_t count);

// attend.c
void sandbox_attend(struct sandbox *sandbox, int pidfd, int signals, struct sandbox_result *result);
int sandbox_watch_signals(sigset_t *watched);
int sandbox_pending_interruption(const sigset_t *watched);
bool sandbox_listen_to_setup(struct sandbox *sandbox, struct sandbox_result *result);
bool sandbox_stop_self(int signal);
