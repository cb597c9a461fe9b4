// The wall around a network of its own: a filter in the kernel, on the tap device that pasta reads. Whatever programs do
// with routes, interfaces and raw frames on their side, a frame to an address that is refused does not reach pasta. Only
// who has pasta's descriptor of the device can take the filter away.
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/// Offsets in a frame: Ethernet's type, and the destination in the headers behind it (RFC 791, RFC 8200).
enum { TYPE_AT = 12, IPV4_AT = ETH_HLEN + 16, IPV6_AT = ETH_HLEN + 24 };
enum { DROP = 0, PASS = 0x40000 };

/// What no network of its own may reach: the host's loopback and "this host", also written as IPv6 (::ffff:127.0.0.1 is
/// IPv4 to pasta), what is directly connected to the host, and groups, of which it may be a member.
static const struct sandbox_prefix always[] = {
    {.family = AF_INET, .length = 8, .address = {0}},
    {.family = AF_INET, .length = 8, .address = {127}},
    {.family = AF_INET, .length = 3, .address = {224}},
    {.family = AF_INET6, .length = 96, .address = {0}},
    {.family = AF_INET6, .length = 96, .address = {[10] = 0xff, [11] = 0xff}},
    {.family = AF_INET6, .length = 10, .address = {0xfe, 0x80}},
    {.family = AF_INET6, .length = 8, .address = {0xff}},
};

/// The groups in which pasta answers for its addresses (RFC 4861, "solicited-node multicast address").
static const struct sandbox_prefix neighbours = {
    .family = AF_INET6, .length = 104, .address = {0xff, 2, [11] = 1, [12] = 0xff}};

struct program {
  struct sock_filter code[BPF_MAXINSNS];
  size_t length;
};

static void emit(struct program *program, uint16_t code, uint32_t value, uint8_t unless) {
  if (program->length < BPF_MAXINSNS)
    program->code[program->length] = (struct sock_filter){.code = code, .jf = unless, .k = value};
  program->length++;
}

static void load(struct program *program, uint16_t size, uint32_t offset) {
  emit(program, BPF_LD | size | BPF_ABS, offset, 0);
}

static void end(struct program *program, uint32_t verdict) { emit(program, BPF_RET | BPF_K, verdict, 0); }

static uint32_t word(const unsigned char *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/// Goes on behind `verdict` unless the destination is in the prefix.
static void judge(struct program *program, const struct sandbox_prefix *prefix, uint32_t verdict) {
  uint32_t at = prefix->family == AF_INET ? IPV4_AT : IPV6_AT;
  size_t jumps[4], count = 0;
  for (unsigned bit = 0; bit < prefix->length; bit += 32) {
    unsigned bits = prefix->length - bit;
    uint32_t mask = bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
    load(program, BPF_W, at + bit / 8);
    if (mask != UINT32_MAX) emit(program, BPF_ALU | BPF_AND | BPF_K, mask, 0);
    jumps[count++] = program->length;
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, word(prefix->address + bit / 8) & mask, 0);
  }
  end(program, verdict);
  for (size_t i = 0; i < count; i++)
    if (jumps[i] < BPF_MAXINSNS) program->code[jumps[i]].jf = (uint8_t)(program->length - jumps[i] - 1);
}

static void judge_all(struct program *program, int family, const struct sandbox_prefix *prefixes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (prefixes[i].family == family) judge(program, &prefixes[i], DROP);
}

static void build(struct program *program, const struct sandbox_prefix *gateway, const struct sandbox_prefix *refused,
                  size_t count) {
  load(program, BPF_H, TYPE_AT);
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 1);
  end(program, PASS);
  // Jumps of a condition are at most 255 instructions wide, this one is not.
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 1);
  emit(program, BPF_JMP | BPF_JA, 1, 0);
  size_t jump = program->length;
  emit(program, BPF_JMP | BPF_JA, 0, 0);
  judge_all(program, AF_INET, always, sizeof always / sizeof *always);
  judge_all(program, AF_INET, refused, count);
  end(program, PASS);
  if (jump < BPF_MAXINSNS) program->code[jump].k = (uint32_t)(program->length - jump - 1);
  load(program, BPF_H, TYPE_AT);
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 1);
  emit(program, BPF_JMP | BPF_JA, 1, 0);
  end(program, DROP);
  judge(program, gateway, PASS);
  judge(program, &neighbours, PASS);
  judge_all(program, AF_INET6, always, sizeof always / sizeof *always);
  judge_all(program, AF_INET6, refused, count);
  end(program, PASS);
}

/// A descriptor of ours for the device that a process has open (pidfd_getfd(2)), or -1 and errno.
static int find_device(const struct sandbox_process *process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)process->pid);
  DIR *directory = opendir(path);
  if (!directory) return -1;
  int device = -1;
  errno = ENODEV;
  for (struct dirent *entry; device < 0 && (entry = readdir(directory));) {
    struct stat status;
    if (fstatat(dirfd(directory), entry->d_name, &status, 0) != 0 || !S_ISCHR(status.st_mode) ||
        status.st_rdev != makedev(10, 200))
      continue;
    device = (int)syscall(SYS_pidfd_getfd, process->pidfd, atoi(entry->d_name), 0);
    if (device < 0) break;
  }
  int error = errno;
  closedir(directory);
  errno = device < 0 && error == 0 ? ENODEV : error;
  return device;
}

int sandbox_network_filter(const struct sandbox_process *pasta, const struct sandbox_prefix *gateway,
                           const struct sandbox_prefix *refused, size_t count) {
  struct program *program = calloc(1, sizeof *program);
  if (!program) return -1;
  build(program, gateway, refused, count);
  int status = -1, device = -1;
  if (program->length > BPF_MAXINSNS) {
    errno = E2BIG;
  } else if ((device = find_device(pasta)) >= 0) {
    struct sock_fprog filter = {.len = (unsigned short)program->length, .filter = program->code};
    status = ioctl(device, TUNATTACHFILTER, &filter);
  }
  int error = errno;
  if (device >= 0) close(device);
  free(program);
  errno = error;
  return status;
}
