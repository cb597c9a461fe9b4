// Routes over rtnetlink(7): which addresses are the machine's own, and how a network refuses them.
#include "internal.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/// A request about one route, with room for its destination.
struct request {
  struct nlmsghdr header;
  struct rtmsg route;
  struct rtattr attribute;
  unsigned char destination[16];
};

static size_t address_size(int family) { return family == AF_INET ? 4 : 16; }

/// A new network namespace has a loopback interface that is down.
int network_raise_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return -1;
  int status = ioctl(socket_, SIOCSIFFLAGS, &request);
  close(socket_);
  return status;
}

/// The namespace's own loopback addresses are among those of the host, and stay its own.
static bool is_loopback(const struct sandbox_prefix *prefix) {
  static const unsigned char one[16] = {[15] = 1};
  return prefix->family == AF_INET ? prefix->address[0] == 127 : memcmp(prefix->address, one, sizeof one) == 0;
}

/// These routes make the refusal quick ("Permission denied"). They are not the wall, which is the filter of the tap
/// device: a socket that is bound to the device goes past them (net/ipv4/route.c, "Apparently, routing tables are wrong").
void network_prohibit(const struct sandbox_prefix *refused, size_t count) {
  int socket_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (socket_ < 0) return;
  for (size_t i = 0; i < count; i++) {
    if (is_loopback(&refused[i])) continue;
    size_t size = address_size(refused[i].family);
    struct request request = {
        .header = {.nlmsg_len = (uint32_t)(offsetof(struct request, destination) + size), .nlmsg_type = RTM_NEWROUTE,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL},
        .route = {.rtm_family = refused[i].family, .rtm_dst_len = refused[i].length, .rtm_table = RT_TABLE_MAIN,
                  .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_PROHIBIT},
        .attribute = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = RTA_DST},
    };
    memcpy(request.destination, refused[i].address, size);
    (void)send(socket_, &request, request.header.nlmsg_len, 0);
  }
  close(socket_);
}

/// Growing list of prefixes.
struct list {
  struct sandbox_prefix *prefixes;
  size_t count, room;
};

static int append(struct list *list, const struct sandbox_prefix *prefix) {
  if (list->count == list->room) {
    size_t room = list->room ? 2 * list->room : 64;
    struct sandbox_prefix *more = reallocarray(list->prefixes, room, sizeof *more);
    if (!more) return -1;
    list->prefixes = more;
    list->room = room;
  }
  list->prefixes[list->count++] = *prefix;
  return 0;
}

/// Besides single addresses these are ranges ("ip route add local"), and the anycast addresses of a router.
static int take(struct list *list, const struct nlmsghdr *header) {
  const struct rtmsg *route = NLMSG_DATA(header);
  if (header->nlmsg_type != RTM_NEWROUTE || (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_ANYCAST)) return 0;
  if (route->rtm_family != AF_INET && route->rtm_family != AF_INET6) return 0;
  struct sandbox_prefix prefix = {.family = route->rtm_family, .length = route->rtm_dst_len};
  int length = (int)RTM_PAYLOAD(header);
  for (const struct rtattr *part = RTM_RTA(route); RTA_OK(part, length); part = RTA_NEXT(part, length))
    if (part->rta_type == RTA_DST && RTA_PAYLOAD(part) >= address_size(prefix.family))
      memcpy(prefix.address, RTA_DATA(part), address_size(prefix.family));
  return append(list, &prefix);
}

/// Reads the answer to a dump. 0, or -1 and errno.
static int read_routes(int socket_, struct list *list) {
  union {
    struct nlmsghdr header;
    char bytes[1 << 15];  // the kernel fills what it is given, at most this much
  } answer;
  for (;;) {
    ssize_t length = recv(socket_, &answer, sizeof answer, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return -1;
    size_t rest = (size_t)length;
    for (struct nlmsghdr *header = &answer.header; NLMSG_OK(header, rest); header = NLMSG_NEXT(header, rest)) {
      if (header->nlmsg_type == NLMSG_DONE) return 0;
      if (header->nlmsg_type == NLMSG_ERROR) {
        errno = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
        return -1;
      }
      if (take(list, header) != 0) return -1;
    }
  }
}

ssize_t sandbox_own_prefixes(struct sandbox_prefix **prefixes) {
  struct list list = {0};
  struct request request = {
      .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_GETROUTE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
  int socket_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (socket_ < 0) return -1;
  int status = send(socket_, &request, request.header.nlmsg_len, 0) < 0 ? -1 : read_routes(socket_, &list);
  int error = errno;
  close(socket_);
  errno = error;
  *prefixes = list.prefixes;
  if (status == 0) return (ssize_t)list.count;
  free(list.prefixes);
  *prefixes = NULL;
  return -1;
}
