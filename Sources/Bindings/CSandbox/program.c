// The last steps before the program: its process group, its rights, its signals, execve(2).
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Signals that a shell would pass on: a caller that ignores these (nohup(1), a background job) has them ignored
/// inside.
static bool passed_on(int signal) { return signal == SIGHUP || signal == SIGINT || signal == SIGQUIT; }

/// The plain system call, because the C library keeps two signals to itself and would leave them ignored.
static void reset_signal(int signal) {
  static const uint64_t default_action[8];  // all zero is SIG_DFL without flags in every layout of the kernel's struct
  (void)syscall(SYS_rt_sigaction, signal, default_action, NULL, _NSIG / 8);
}

static void reset_signals(void) {
  for (int signal = 1; signal < _NSIG; signal++) {
    struct sigaction present = {0};
    (void)sigaction(signal, NULL, &present);
    if (!(passed_on(signal) && present.sa_handler == SIG_IGN)) reset_signal(signal);
  }
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/// 0, or the errno that execve(2) of this path should give. The path, and the interpreter that its first line names,
/// must not be a magic link: "/proc/self/exe" is still the caller's own binary, on the host (CVE-2019-5736 of runc).
static int executable(const char *path) {
  struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
  char line[256], next[256];
  for (int depth = 0; depth < 6; depth++) {
    int file = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (file < 0) return errno == ELOOP ? EACCES : errno;
    ssize_t length = read(file, line, sizeof line - 1);
    int error = errno;
    close(file);
    if (length < 0) return error == EISDIR ? EACCES : error;
    line[length] = 0;
    char *word = line + 2;
    if (strncmp(line, "#!", 2) != 0 || !*(word += strspn(word, " \t"))) return 0;
    word[strcspn(word, " \t\r\n")] = 0;
    strcpy(next, word);
    path = next;
  }
  return ELOOP;
}

/// A text without "#!" is a shell script, as execvp(3) has it.
static void execute_by_shell(const struct sandbox *sandbox, char *path) {
  char **words = sandbox->shell_words;
  size_t count = 0;
  words[count++] = "/bin/sh";
  words[count++] = path;
  for (char *const *argument = sandbox->plan->arguments + 1; *argument; argument++) words[count++] = *argument;
  words[count] = NULL;
  if (executable(words[0]) == 0) execve(words[0], words, sandbox->plan->environment);
}

/// Returns only on failure, with errno.
static void execute(const struct sandbox *sandbox, char *path) {
  errno = executable(path);
  if (errno != 0) return;
  execve(path, sandbox->plan->arguments, sandbox->plan->environment);
  if (errno == ENOEXEC) execute_by_shell(sandbox, path);
}

static const char *search_path(char *const *environment) {
  for (; *environment; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return "/usr/sbin:/usr/bin:/sbin:/bin";
}

/// execvpe(3) with the PATH of the program's own environment. ENOENT only if it is nowhere.
static void search_and_execute(const struct sandbox *sandbox, const char *name) {
  int result = ENOENT;
  char path[PATH_MAX];
  for (const char *rest = search_path(sandbox->plan->environment); rest;) {
    size_t length = strcspn(rest, ":");
    int size = snprintf(path, sizeof path, "%.*s%s%s", (int)length, rest, length ? "/" : "./", name);
    if (size < (int)sizeof path) {
      execute(sandbox, path);
      if (errno != ENOENT && errno != ENOTDIR) result = errno;
    }
    rest = rest[length] ? rest + length + 1 : NULL;
  }
  errno = result;
}

/// Without the capabilities these limits hold, whatever the caller's are: no real-time priority, no niceness below the
/// caller's, and as much locked memory as gpg(1) needs for a key. A limit that is lower stays.
static void limit(void) {
  static const struct {
    __rlimit_resource_t resource;
    rlim_t most;
  } limits[] = {{RLIMIT_RTPRIO, 0}, {RLIMIT_NICE, 0}, {RLIMIT_MEMLOCK, 64 << 10}};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit present;
    if (getrlimit(limits[i].resource, &present) != 0) continue;
    if (present.rlim_max > limits[i].most) present.rlim_max = limits[i].most;
    if (present.rlim_cur > present.rlim_max) present.rlim_cur = present.rlim_max;
    (void)setrlimit(limits[i].resource, &present);
  }
}

/// If the machine runs out of memory, it is a program of a node that the kernel kills, unless another one has half of the
/// machine's memory more. Written with CAP_SYS_RESOURCE, it cannot be lowered without (fs/proc/base.c).
static void be_the_first_to_go(void) {
  static const char score[] = "500";
  char present[16] = {0};
  int file = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  if (read(file, present, sizeof present - 1) > 0 && atoi(present) < atoi(score))
    (void)!pwrite(file, score, sizeof score - 1, 0);
  close(file);
}

void sandbox_program(const struct sandbox *sandbox) {
  const struct sandbox_plan *plan = sandbox->plan;
  if (sandbox->own_group) {
    (void)setpgid(0, 0);
    if (sandbox->foreground) (void)tcsetpgrp(0, getpid());  // SIGTTOU is still blocked
  } else if (!plan->attended) {
    (void)setsid();  // unattended: /dev/tty would be the caller's terminal, and a question there would wait
  }
  limit();
  be_the_first_to_go();
  if (!plan->isolated_network && plan->network < 0) sandbox_scope_abstract_sockets();
  if (sandbox_install_filter(plan->suppress_sync) != 0) sandbox_fail(sandbox, SANDBOX_STEP_FILTER, NULL);
  if (sandbox_drop_capabilities(plan->network < 0) != 0) sandbox_fail(sandbox, SANDBOX_STEP_CAPABILITIES, NULL);
  if (chdir(plan->working_directory) != 0)
    sandbox_fail(sandbox, SANDBOX_STEP_WORKING_DIRECTORY, plan->working_directory);
  reset_signals();
  char *name = plan->arguments[0];
  if (strchr(name, '/'))
    execute(sandbox, name);
  else
    search_and_execute(sandbox, name);
  sandbox_fail(sandbox, SANDBOX_STEP_EXECUTE, name);
}
