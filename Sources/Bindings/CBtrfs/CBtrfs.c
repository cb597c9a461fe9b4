#define _GNU_SOURCE
#include "CBtrfs.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int cbtrfs_syncfs(int fd) { return syncfs(fd) < 0 ? -errno : 0; }

int cbtrfs_remove_protection(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return -errno;
  int without = flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
  if (without == flags) return 0;
  return ioctl(fd, FS_IOC_SETFLAGS, &without) < 0 ? -errno : 1;
}

/* File extents */

static const size_t inline_data = offsetof(struct btrfs_file_extent_item, disk_bytenr);

size_t cbtrfs_extents_per_buffer(size_t buffer_size) {
  return buffer_size / (sizeof(struct btrfs_ioctl_search_header) + inline_data);
}

/* Returns whether the item is an extent that takes space, and describes it. */
static int read_extent(const struct btrfs_ioctl_search_header *header, const char *data, struct cbtrfs_extent *extent) {
  struct btrfs_file_extent_item item;
  if (header->type != BTRFS_EXTENT_DATA_KEY || header->len < inline_data) return 0;
  extent->inode = header->objectid;
  memset(&item, 0, sizeof item);
  memcpy(&item, data, header->len < sizeof item ? header->len : sizeof item);
  if (item.type == BTRFS_FILE_EXTENT_INLINE) {
    extent->address = 0;
    extent->length = header->len - inline_data;
    return 1;
  }
  extent->address = le64toh(item.disk_bytenr);
  extent->length = le64toh(item.disk_num_bytes);
  return extent->address != 0; /* 0: a hole */
}

/* Keys are one number, objectid:type:offset; the search goes on behind the last one. */
static void step_behind(const struct btrfs_ioctl_search_header *last, struct cbtrfs_extent_walk *walk) {
  walk->inode = last->objectid;
  walk->type = last->type;
  walk->offset = last->offset + 1;
  if (walk->offset == 0 && ++walk->type > UINT8_MAX) {
    walk->type = 0;
    walk->finished = ++walk->inode == 0;
  }
}

int cbtrfs_next_extents(int fd, struct cbtrfs_extent_walk *walk, void *buffer, size_t buffer_size,
                        struct cbtrfs_extent *extents) {
  struct btrfs_ioctl_search_args_v2 *search = buffer;
  if (buffer_size <= sizeof *search) return -EINVAL;
  memset(search, 0, sizeof *search);
  search->key.tree_id = walk->root;
  search->key.min_objectid = walk->inode;
  search->key.min_type = walk->type;
  search->key.min_offset = walk->offset;
  search->key.max_objectid = BTRFS_LAST_FREE_OBJECTID;
  search->key.max_type = BTRFS_EXTENT_DATA_KEY;
  search->key.max_offset = UINT64_MAX;
  search->key.max_transid = UINT64_MAX;
  search->key.nr_items = UINT32_MAX;
  search->buf_size = buffer_size - sizeof *search;
  if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, search) < 0) return -errno;

  int count = 0;
  const char *position = (const char *)search->buf;
  struct btrfs_ioctl_search_header header;
  for (uint32_t item = 0; item < search->key.nr_items; item++) {
    memcpy(&header, position, sizeof header);
    position += sizeof header;
    count += read_extent(&header, position, &extents[count]);
    position += header.len;
  }
  if (search->key.nr_items == 0)
    walk->finished = 1;
  else
    step_behind(&header, walk);
  return count;
}

int cbtrfs_ranges(int fd, uint64_t *start, struct cbtrfs_range *ranges) {
  union {
    struct fiemap map;
    char room[sizeof(struct fiemap) + CBTRFS_RANGES_PER_CALL * sizeof(struct fiemap_extent)];
  } request;
  memset(&request.map, 0, sizeof request.map);
  request.map.fm_start = *start;
  request.map.fm_length = UINT64_MAX - *start;
  request.map.fm_flags = FIEMAP_FLAG_SYNC;
  request.map.fm_extent_count = CBTRFS_RANGES_PER_CALL;
  if (ioctl(fd, FS_IOC_FIEMAP, &request.map) < 0) return -errno;

  *start = UINT64_MAX;
  for (uint32_t index = 0; index < request.map.fm_mapped_extents; index++) {
    const struct fiemap_extent *extent = &request.map.fm_extents[index];
    *start = extent->fe_flags & FIEMAP_EXTENT_LAST ? UINT64_MAX : extent->fe_logical + extent->fe_length;
    ranges[index].offset = extent->fe_logical;
    ranges[index].address = extent->fe_physical;
    ranges[index].length = extent->fe_length;
    ranges[index].is_encoded = (extent->fe_flags & FIEMAP_EXTENT_ENCODED) != 0;
    ranges[index].is_shared = (extent->fe_flags & FIEMAP_EXTENT_SHARED) != 0;
    ranges[index].has_place = (extent->fe_flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DATA_INLINE)) == 0;
  }
  return (int)request.map.fm_mapped_extents;
}

int cbtrfs_clone(int source, int target) { return ioctl(target, FICLONE, source) < 0 ? -errno : 0; }

int cbtrfs_dedupe(int source, int target, uint64_t offset, uint64_t length, uint64_t *shared) {
  union {
    struct file_dedupe_range range;
    char room[sizeof(struct file_dedupe_range) + sizeof(struct file_dedupe_range_info)];
  } request;
  memset(&request, 0, sizeof request);
  request.range.src_offset = offset;
  request.range.src_length = length;
  request.range.dest_count = 1;
  request.range.info[0].dest_fd = target;
  request.range.info[0].dest_offset = offset;
  if (ioctl(source, FIDEDUPERANGE, &request.range) < 0) return -errno;
  *shared = request.range.info[0].bytes_deduped;
  return request.range.info[0].status;
}

/* Files of a tree */

int cbtrfs_open_beneath(int root, const char *path, int flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
  int fd = syscall(SYS_openat2, root, path, &how, sizeof how);
  return fd < 0 ? -errno : fd;
}

int cbtrfs_identify(int fd, struct cbtrfs_identity *result) {
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &status) < 0) return -errno;
  result->inode = status.stx_ino;
  result->born_seconds = status.stx_btime.tv_sec;
  result->born_nanoseconds = status.stx_btime.tv_nsec;
  return 0;
}

/* The f-calls refuse descriptors opened with O_PATH. */
struct descriptor_path {
  char text[32];
};

static struct descriptor_path path_of(int fd) {
  struct descriptor_path path;
  snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
  return path;
}

ssize_t cbtrfs_list_attributes(int fd, char *names, size_t capacity) {
  ssize_t length = listxattr(path_of(fd).text, names, capacity);
  return length < 0 ? -errno : length;
}

ssize_t cbtrfs_read_attribute(int fd, const char *name, void *value, size_t capacity) {
  ssize_t length = getxattr(path_of(fd).text, name, value, capacity);
  return length < 0 ? -errno : length;
}

/* Sending */

struct cbtrfs_send {
  struct btrfs_ioctl_send_args request;
  pthread_t thread;
  int subvolume, result;
};

static void *write_stream(void *argument) {
  struct cbtrfs_send *send = argument;
  send->result = ioctl(send->subvolume, BTRFS_IOC_SEND, &send->request) < 0 ? -errno : 0;
  close((int)send->request.send_fd);
  return NULL;
}

/* A thread without signals: the kernel sends SIGPIPE to the writer when the reader gives up, and all other signals
 * belong to the program. */
static int start_thread(struct cbtrfs_send *send) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int error = pthread_create(&send->thread, NULL, write_stream, send);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return -error;
}

int cbtrfs_send_begin(int subvolume, uint64_t parent, struct cbtrfs_send **send) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  struct cbtrfs_send *new = calloc(1, sizeof *new);
  int error = new == NULL ? -ENOMEM : 0;
  if (error == 0) {
    new->subvolume = subvolume;
    new->request.send_fd = ends[1];
    new->request.parent_root = parent;
    new->request.flags = BTRFS_SEND_FLAG_NO_FILE_DATA;
    error = start_thread(new);
  }
  if (error != 0) {
    free(new);
    close(ends[0]);
    close(ends[1]);
    return error;
  }
  *send = new;
  return ends[0];
}

int cbtrfs_send_end(struct cbtrfs_send *send) {
  pthread_join(send->thread, NULL);
  int result = send->result;
  free(send);
  return result;
}

/* The file system as a whole */

int cbtrfs_read_file_system(int fd, struct cbtrfs_file_system *result) {
  struct btrfs_ioctl_fs_info_args info;
  memset(&info, 0, sizeof info);
  if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0) return -errno;
  memcpy(result->uuid, info.fsid, sizeof result->uuid);
  result->highest_device = info.max_id;
  result->device_count = info.num_devices;
  return 0;
}

int cbtrfs_read_device(int fd, uint64_t id, struct cbtrfs_device *result) {
  struct btrfs_ioctl_dev_info_args info;
  memset(&info, 0, sizeof info);
  info.devid = id;
  if (ioctl(fd, BTRFS_IOC_DEV_INFO, &info) < 0) return -errno;
  result->size = info.total_bytes;
  result->allocated = info.bytes_used;
  return 0;
}

int cbtrfs_read_device_path(int fd, uint64_t id, char *path, size_t capacity) {
  struct btrfs_ioctl_dev_info_args info;
  memset(&info, 0, sizeof info);
  info.devid = id;
  if (ioctl(fd, BTRFS_IOC_DEV_INFO, &info) < 0) return -errno;
  size_t length = strnlen((const char *)info.path, sizeof info.path);
  if (length == 0) return -ENOENT;
  if (length >= capacity) return -ENAMETOOLONG;
  memcpy(path, info.path, length);
  path[length] = '\0';
  return 0;
}

static int configure(int context, unsigned command, const char *key, const char *value) {
  return syscall(SYS_fsconfig, context, command, key, value, 0) < 0 ? -errno : 0;
}

int cbtrfs_mount_top_level(const char *device) {
  int context = (int)syscall(SYS_fsopen, "btrfs", FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  int result = configure(context, FSCONFIG_SET_STRING, "source", device);
  if (result == 0) result = configure(context, FSCONFIG_SET_STRING, "subvolid", "5"); /* BTRFS_FS_TREE_OBJECTID */
  if (result == 0) result = configure(context, FSCONFIG_CMD_CREATE, NULL, NULL);
  if (result == 0) {
    const unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    result = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
    if (result < 0) result = -errno;
  }
  close(context);
  return result;
}

int cbtrfs_read_block_groups(int fd, struct cbtrfs_block_groups *result, size_t capacity) {
  struct btrfs_ioctl_space_args *request =
      calloc(1, sizeof *request + capacity * sizeof(struct btrfs_ioctl_space_info));
  if (request == NULL) return -ENOMEM;
  request->space_slots = capacity;
  if (ioctl(fd, BTRFS_IOC_SPACE_INFO, request) < 0) {
    int error = errno;
    free(request);
    return -error;
  }
  /* With no slots the kernel only counts them. */
  for (uint64_t index = 0; index < capacity && index < request->total_spaces; index++) {
    result[index].flags = request->spaces[index].flags;
    result[index].total = request->spaces[index].total_bytes;
    result[index].used = request->spaces[index].used_bytes;
  }
  int count = (int)request->total_spaces;
  free(request);
  return count;
}
