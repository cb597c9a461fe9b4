// A call from the outside: its messages, and the relay between the program's streams and ours.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int sandbox_call_send(int socket, const struct sandbox_call_message *message, const void *text, size_t length,
                      const int *descriptors, int count) {
  struct iovec parts[2] = {{(void *)message, sizeof *message}, {(void *)text, length}};
  union {
    char bytes[CMSG_SPACE(sizeof(int) * SANDBOX_CALL_DESCRIPTORS)];
    struct cmsghdr aligned;
  } control = {{0}};
  struct msghdr header = {.msg_iov = parts, .msg_iovlen = length ? 2 : 1};
  if (count > 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * (size_t)count);
  }
  return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

ssize_t sandbox_call_receive(int socket, struct sandbox_call_message *message, void *text, int *descriptors, int *count) {
  struct iovec parts[2] = {{message, sizeof *message}, {text, SANDBOX_CALL_PART}};
  union {
    char bytes[CMSG_SPACE(sizeof(int) * 8)];
    struct cmsghdr aligned;
  } control;
  struct msghdr header = {
      .msg_iov = parts, .msg_iovlen = 2, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t length;
  while ((length = recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {}
  *count = 0;
  for (struct cmsghdr *part = length > 0 ? CMSG_FIRSTHDR(&header) : NULL; part; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t number = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < number; i++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof descriptor);
      if (*count < SANDBOX_CALL_DESCRIPTORS)
        descriptors[(*count)++] = descriptor;
      else
        close(descriptor);
    }
  }
  if (length >= (ssize_t)sizeof *message && !(header.msg_flags & MSG_TRUNC)) return length - (ssize_t)sizeof *message;
  while (*count > 0) close(descriptors[--*count]);
  return -1;
}

uid_t sandbox_peer(int socket) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : (uid_t)-1;
}

/// A call while its program runs.
struct relay {
  int socket;
  int input;       // the program's standard input, or the outer end of its terminal; -1 when nothing more is to be passed
  int outputs[2];  // the program's outputs; -1 at their end
  bool terminal;
  bool foreground;  // our terminal has its modes set for the program
  bool reads;       // our standard input is the program's
  struct termios outside;
  char waiting[1 << 16];  // read from our standard input, not yet written
  size_t first, last;
};

static void send_value(const struct relay *relay, int32_t kind, int32_t value) {
  struct sandbox_call_message message = {.kind = kind, .value = value};
  (void)sandbox_call_send(relay->socket, &message, NULL, 0, NULL, 0);
}

static void set_window_size(const struct relay *relay) {
  struct winsize size;
  if (relay->terminal && relay->input >= 0 && ioctl(0, TIOCGWINSZ, &size) == 0) (void)ioctl(relay->input, TIOCSWINSZ, &size);
}

/// Takes our terminal for the program if we are in the foreground: it gets each key as it is.
static void take_terminal(struct relay *relay) {
  if (!relay->terminal || relay->foreground || tcgetpgrp(0) != getpgrp()) return;
  (void)tcgetattr(0, &relay->outside);
  struct termios raw = relay->outside;
  cfmakeraw(&raw);
  relay->foreground = tcsetattr(0, TCSADRAIN, &raw) == 0;
  set_window_size(relay);
}

/// What the terminal still answers to the program must not reach the shell outside.
static void leave_terminal(struct relay *relay) {
  if (relay->foreground) (void)tcsetattr(0, TCSAFLUSH, &relay->outside);
  relay->foreground = false;
}

static bool is_gone(const struct relay *relay, struct pollfd *input) {
  return relay->terminal && relay->foreground && (input->revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void read_input(struct relay *relay) {
  ssize_t length = read(0, relay->waiting, sizeof relay->waiting);
  if (length < 0 && (errno == EINTR || errno == EAGAIN)) return;
  relay->first = 0;
  relay->last = length > 0 ? (size_t)length : 0;
  if (length > 0) return;
  relay->reads = false;
  if (relay->terminal) return;
  close(relay->input);
  relay->input = -1;
}

static void write_input(struct relay *relay) {
  ssize_t length = write(relay->input, relay->waiting + relay->first, relay->last - relay->first);
  if (length > 0) relay->first += (size_t)length;
  if (length >= 0 || errno == EINTR || errno == EAGAIN) return;
  relay->first = relay->last = 0;
  if (relay->terminal) return;
  close(relay->input);  // the program reads no more
  relay->input = -1;
  relay->reads = false;
}

static bool write_all(int file, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(file, bytes, length);
    if (written < 0 && errno == EAGAIN) {
      struct pollfd space = {.fd = file, .events = POLLOUT};
      (void)poll(&space, 1, -1);
    }
    if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (written > 0) {
      bytes += written;
      length -= (size_t)written;
    }
  }
  return true;
}

/// If nobody reads our output, the program is to notice, as in any pipeline.
static void pass_output(struct relay *relay, int number) {
  char bytes[1 << 16];
  ssize_t length = read(relay->outputs[number], bytes, sizeof bytes);
  if (length < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (length > 0 && write_all(number + 1, bytes, (size_t)length)) return;
  if (length > 0 && !relay->terminal) send_value(relay, SANDBOX_CALL_NO_READER, number);
  if (!relay->terminal) close(relay->outputs[number]);
  relay->outputs[number] = -1;
}

static void program_stopped(struct relay *relay, int signal) {
  leave_terminal(relay);
  (void)sandbox_stop_self(signal == SIGTTIN || signal == SIGTTOU ? signal : SIGTSTP);
  take_terminal(relay);
  send_value(relay, SANDBOX_CALL_SIGNAL, SIGCONT);
}

static void pass_signals(struct relay *relay, int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCONT) take_terminal(relay);
    if (info.ssi_signo == SIGWINCH)
      set_window_size(relay);
    else
      send_value(relay, SANDBOX_CALL_SIGNAL, (int32_t)info.ssi_signo);
  }
}

/// Reads one message. False if the call has ended.
static bool listen_to_attendant(struct relay *relay, struct sandbox_call_end *end) {
  static char text[SANDBOX_CALL_PART];
  struct sandbox_call_message message;
  int descriptors[SANDBOX_CALL_DESCRIPTORS], count = 0;
  ssize_t length = sandbox_call_receive(relay->socket, &message, text, descriptors, &count);
  if (length < 0) return false;
  if (message.kind == SANDBOX_CALL_STREAMS && count >= 1) {
    relay->input = descriptors[0];
    relay->outputs[0] = count == 3 ? descriptors[1] : descriptors[0];
    relay->outputs[1] = count == 3 ? descriptors[2] : -1;
    (void)fcntl(relay->input, F_SETFL, fcntl(relay->input, F_GETFL) | O_NONBLOCK);
    if (!relay->reads && !relay->terminal) {
      close(relay->input);
      relay->input = -1;
    }
    take_terminal(relay);
    return true;
  }
  for (int i = 0; i < count; i++) close(descriptors[i]);
  if (message.kind == SANDBOX_CALL_STOPPED) {
    program_stopped(relay, message.value);
    return true;
  }
  end->kind = (enum sandbox_call_kind)message.kind;
  end->value = message.value;
  end->step = message.words;
  size_t kept = (size_t)length < sizeof end->text - 1 ? (size_t)length : sizeof end->text - 1;
  memcpy(end->text, text, kept);
  end->text[kept] = 0;
  return false;
}

/// Passes on until the program has ended, and then what is there: a program that it has left running may have the outputs
/// for ever.
static void pass_on(struct relay *relay, int signals, struct sandbox_call_end *end) {
  enum { ATTENDANT, SIGNALS, OUTPUT, ERROR, INPUT, PROGRAM, SOURCES };
  enum { LOOK_FOR_FOREGROUND_MS = 200 };
  bool ended = false;
  for (;;) {
    bool waits = relay->first < relay->last;
    bool reads = relay->reads && !waits && relay->input >= 0 && (!relay->terminal || relay->foreground);
    struct pollfd sources[SOURCES] = {
        [ATTENDANT] = {.fd = ended ? -1 : relay->socket, .events = POLLIN},
        [SIGNALS] = {.fd = ended ? -1 : signals, .events = POLLIN},
        [OUTPUT] = {.fd = relay->outputs[0], .events = POLLIN},
        [ERROR] = {.fd = relay->outputs[1], .events = POLLIN},
        [INPUT] = {.fd = ended || !(reads || (relay->terminal && relay->foreground)) ? -1 : 0, .events = reads ? POLLIN : 0},
        [PROGRAM] = {.fd = waits && !ended ? relay->input : -1, .events = POLLOUT},
    };
    // "fg" of a job that runs sends no signal.
    int limit = ended ? 0 : relay->terminal && !relay->foreground && relay->input >= 0 ? LOOK_FOR_FOREGROUND_MS : -1;
    int count = poll(sources, SOURCES, limit);
    if (count < 0) continue;
    if (count == 0 && ended) return;
    if (count == 0) take_terminal(relay);
    if (sources[OUTPUT].revents) pass_output(relay, 0);
    if (sources[ERROR].revents) pass_output(relay, 1);
    if (is_gone(relay, &sources[INPUT])) {
      end->kind = SANDBOX_CALL_SIGNAL;
      end->value = SIGHUP;
      return;
    }
    if (sources[INPUT].revents) read_input(relay);
    if (sources[PROGRAM].revents) write_input(relay);
    if (sources[SIGNALS].revents) pass_signals(relay, signals);
    if (sources[ATTENDANT].revents && !listen_to_attendant(relay, end)) ended = true;
  }
}

/// Sends the words in parts, and the order to start.
static bool ask(const struct relay *relay, const char *words, size_t length, int arguments, int count) {
  struct sandbox_call_message message = {.kind = SANDBOX_CALL_WORDS};
  for (size_t sent = 0; sent < length; sent += SANDBOX_CALL_PART) {
    size_t part = length - sent < SANDBOX_CALL_PART ? length - sent : SANDBOX_CALL_PART;
    if (sandbox_call_send(relay->socket, &message, words + sent, part, NULL, 0) != 0) return false;
  }
  message.kind = SANDBOX_CALL_START;
  message.value = arguments;
  message.words = count;
  message.terminal = relay->terminal;
  memcpy(message.modes, &relay->outside, sizeof relay->outside);
  if (relay->terminal) (void)ioctl(0, TIOCGWINSZ, &message.size);
  return sandbox_call_send(relay->socket, &message, NULL, 0, NULL, 0) == 0;
}

static bool is_pipe(int stream) {
  struct stat status;
  return fstat(stream, &status) == 0 && S_ISFIFO(status.st_mode);
}

void sandbox_call(int socket, const char *words, size_t length, int arguments, int count, struct sandbox_call_end *end) {
  struct relay *relay = calloc(1, sizeof *relay);
  sigset_t watched, all, previous;
  memset(end, 0, sizeof *end);
  if (!relay) return;
  relay->socket = socket;
  relay->input = relay->outputs[0] = relay->outputs[1] = -1;
  relay->terminal = isatty(0) && isatty(1) && isatty(2) && tcgetpgrp(0) >= 0 && tcgetattr(0, &relay->outside) == 0;
  // In a pipeline, a neighbour may want the keys.
  relay->reads = !isatty(0) || relay->terminal || !(is_pipe(1) || is_pipe(2));
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  int signals = sandbox_watch_signals(&watched);
  if (signals >= 0 && ask(relay, words, length, arguments, count)) pass_on(relay, signals, end);
  // An answer to what could not be asked.
  else
    (void)listen_to_attendant(relay, end);
  leave_terminal(relay);
  if (signals >= 0) close(signals);
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  free(relay);
}

int sandbox_detach(char *const *arguments, int report) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    (void)setsid();
    pid_t grandchild = fork();
    if (grandchild != 0) _exit(grandchild < 0);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int kept = fcntl(report, F_DUPFD_CLOEXEC, 10);
    for (int stream = 0; stream < 3; stream++) (void)dup2(nothing, stream);
    (void)dup2(kept, 3);
    (void)close_range(4, ~0U, 0);
    static const int common[] = {SIGINT, SIGQUIT, SIGTERM, SIGPIPE};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) (void)signal(common[i], SIG_DFL);
    (void)signal(SIGHUP, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (nothing < 0 || kept < 0 || chdir("/") != 0) _exit(126);
    (void)execv(arguments[0], arguments);
    _exit(127);
  }
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  errno = EAGAIN;
  return status == 0 ? 0 : -1;
}
