#pragma once

/* The btrfs ioctls for which libbtrfsutil has no call. Every function returns a negative errno on failure.
 * The kernel's own headers stay in the .c file: <linux/fs.h> and glibc's <sys/mount.h> do not go together. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* syncfs(2), behind _GNU_SOURCE and so out of Swift's reach. */
int cbtrfs_syncfs(int fd);

/* Removes the attributes "immutable" and "append only" (ioctl_iflags(2)). Returns 1, or 0 if there were none. */
int cbtrfs_remove_protection(int fd);

/* An extent item of a file. `address` is where the extent begins in the file system's logical address space,
 * 0 for data stored inline in the tree; `length` the bytes it takes there (after compression). */
struct cbtrfs_extent {
  uint64_t inode, address, length;
};

/* The position of a walk over the extents of subvolume `root`; zero except for `root` at its beginning. */
struct cbtrfs_extent_walk {
  uint64_t root, inode, offset;
  uint32_t type;
  int finished;
};

/* The most extents one call below finds in a buffer of this many bytes. */
size_t cbtrfs_extents_per_buffer(size_t buffer_size);

/* Fills `extents` with the next extents of the walk and returns their number, which may be 0 before the walk is
 * `finished`. Holes are left out. `buffer` is for the kernel's answer. Needs CAP_SYS_ADMIN. */
int cbtrfs_next_extents(int fd, struct cbtrfs_extent_walk *walk, void *buffer, size_t buffer_size,
                        struct cbtrfs_extent *extents);

/* A range of a file, and its place on the disk. `length` counts bytes of the file: of an encoded (compressed) range
 * only `address` says something about the disk. */
struct cbtrfs_range {
  uint64_t offset, address, length;
  int is_encoded;
  /* Another file, or the same file in another subvolume, uses it too. */
  int is_shared;
  /* It has blocks on the disk, and is not stored in the metadata. */
  int has_place;
};

enum { CBTRFS_RANGES_PER_CALL = 128 };

/* Puts the next extents of the file from `*start` on into `ranges` and returns their number. Holes are left out,
 * and what was not written yet is written first. `*start` is set to where to go on, UINT64_MAX at the end of the file. */
int cbtrfs_ranges(int fd, uint64_t *start, struct cbtrfs_range *ranges);

/* FICLONE: `target` gets the contents of `source`, and shares its disk space. */
int cbtrfs_clone(int source, int target);

/* FIDEDUPERANGE. Returns 0 if `*shared` bytes from `offset` on are shared now (fewer than `length` if the kernel chose
 * so), 1 if the data differs. */
int cbtrfs_dedupe(int source, int target, uint64_t offset, uint64_t length, uint64_t *shared);

/* openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS: the file that has this path below `root`, with no symbolic
 * link on the way; a link itself with O_PATH and O_NOFOLLOW. Returns a descriptor. */
int cbtrfs_open_beneath(int root, const char *path, int flags);

/* The identity of an inode: the same in every snapshot of it, and never that of another inode. */
struct cbtrfs_identity {
  uint64_t inode;
  int64_t born_seconds;
  uint32_t born_nanoseconds;
};

/* statx(2) of an open file; O_PATH is enough. */
int cbtrfs_identify(int fd, struct cbtrfs_identity *result);

/* The names of a file's extended attributes, each ending with NUL, or the value of one; the file may have been opened
 * with O_PATH and be a symbolic link. Returns the length; with a capacity of 0 only that. */
ssize_t cbtrfs_list_attributes(int fd, char *names, size_t capacity);
ssize_t cbtrfs_read_attribute(int fd, const char *name, void *value, size_t capacity);

/* A send stream that the kernel writes while it is read. */
struct cbtrfs_send;

/* Starts to send the read-only subvolume that `subvolume` is open on, without the data of files, as the changes since
 * the subvolume with the id `parent`. Returns the descriptor to read the stream from. Needs CAP_SYS_ADMIN. */
int cbtrfs_send_begin(int subvolume, uint64_t parent, struct cbtrfs_send **send);

/* Waits for the end of the stream and returns its result. The descriptor must be closed by then, or read to its end:
 * the kernel does not go on without a reader. */
int cbtrfs_send_end(struct cbtrfs_send *send);

struct cbtrfs_file_system {
  uint8_t uuid[16];
  uint64_t highest_device;
  uint64_t device_count; /* with those that are missing */
};

int cbtrfs_read_file_system(int fd, struct cbtrfs_file_system *result);

struct cbtrfs_device {
  uint64_t size, allocated;
};

/* -ENODEV if no device has this id: the ids need not be contiguous. */
int cbtrfs_read_device(int fd, uint64_t id, struct cbtrfs_device *result);

/* The block groups of one kind (`flags`, BTRFS_BLOCK_GROUP_*), in bytes of data: copies do not count. */
struct cbtrfs_block_groups {
  uint64_t flags, total, used;
};

/* Returns how many kinds there are, of which it stores up to `capacity`. */
int cbtrfs_read_block_groups(int fd, struct cbtrfs_block_groups *result, size_t capacity);

/* The path of the device with this id, as the kernel knows it. -ENODEV if no device has the id, -ENOENT if it is
 * missing. */
int cbtrfs_read_device_path(int fd, uint64_t id, char *path, size_t capacity);

/* Mounts the top level of the file system on `device` without attaching it: it is reached through the returned
 * descriptor, and ends with it (fsmount(2)). */
int cbtrfs_mount_top_level(const char *device);
