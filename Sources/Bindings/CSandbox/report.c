// Messages from init to the attendant. Every file that builds the root uses this one, which calls none of them.
#include "internal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void sandbox_tell(const struct sandbox *sandbox, struct message *message, const char *path) {
  size_t length = path ? strnlen(path, sizeof message->path - 1) : 0;
  if (length) memcpy(message->path, path, length);
  message->path[length] = 0;
  while (send(sandbox->channel, message, offsetof(struct message, path) + length + 1, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

void sandbox_fail(const struct sandbox *sandbox, enum sandbox_step step, const char *path) {
  struct message message = {.kind = MESSAGE_FAILED, .step = step, .value = errno};
  sandbox_tell(sandbox, &message, path);
  _exit(127);
}
