// The network of a run, before the root is entered.
#include "internal.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

/// ping(8) and its kin use sockets of SOCK_DGRAM, for which no capability is needed (icmp(7)), if the namespace allows
/// every group to. Where /proc/sys is read-only they do not work, and nothing else is lost.
static void allow_ping(void) {
  static const char groups[] = "0 2147483647";
  int file = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  (void)!write(file, groups, sizeof groups - 1);
  close(file);
}

void sandbox_enter_network(const struct sandbox *sandbox) {
  const struct sandbox_plan *plan = sandbox->plan;
  if (plan->network >= 0) {
    if (setns(plan->network, CLONE_NEWNET) != 0) sandbox_fail(sandbox, SANDBOX_STEP_NETWORK, NULL);
    allow_ping();
  } else if (plan->isolated_network && network_raise_loopback() != 0) {
    sandbox_fail(sandbox, SANDBOX_STEP_NETWORK, NULL);
  }
}
