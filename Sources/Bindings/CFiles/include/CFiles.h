#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* System calls about files and processes that glibc declares for _GNU_SOURCE only, or not at all, which keeps them out
 * of Swift's reach. Every function returns a negative errno on failure. */

/* open_tree(2) with OPEN_TREE_CLONE and AT_SYMLINK_NOFOLLOW: the directory `name` in `directory` as a mount of its own,
 * without the mounts in it. Returns a descriptor of the directory. Needs CAP_SYS_ADMIN. */
int cfiles_open_without_mounts(int directory, const char *name);

/* getdents64(2): the next entries of an open directory, one after the other. Each has its length, 16 bits, and its name,
 * which ends with a zero, at these offsets. Returns the bytes of all; 0 at the end. */
#define CFILES_ENTRY_LENGTH 16
#define CFILES_ENTRY_NAME 19
long cfiles_read_names(int directory, void *entries, size_t size);

/* renameat2(2) with RENAME_NOREPLACE: moves `name` to another directory, unless its new name exists there. */
int cfiles_rename_new(int directory, const char *name, int new_directory, const char *new_name);

/* memfd_create(2): a file in memory, without a name, to be read and written. */
int cfiles_open_in_memory(void);

/* renameat2(2) with RENAME_EXCHANGE: two names, or two paths, change places, both at once. */
int cfiles_exchange(int directory, const char *name, int other_directory, const char *other);

/* Attributes of chattr(1): "immutable" or "append only", and "no copy on write" (linux/fs.h, FS_..._FL). */
#define CFILES_PROTECTED 0x30U
#define CFILES_NOT_COPIED_ON_WRITE 0x800000U

/* The protection of a file that is not followed (statx(2)): bits of CFILES_PROTECTED, or a negative errno. */
int cfiles_protection(int directory, const char *name);

/* The status of a file that is not followed, and its protection, in one call (statx(2)). Returns 0 or a negative errno. */
int cfiles_status(int directory, const char *name, struct stat *status, uint32_t *protection);

/* Read or set the attributes of chattr(1) of a regular file or directory, as far as they can be copied (ioctl_iflags(2)).
 * Those that say how btrfs stores the contents are left out on other file systems.
 * Return 0 or a negative errno. */
int cfiles_read_flags(int directory, const char *name, uint32_t *flags);
int cfiles_read_flags_of(int file, uint32_t *flags);
int cfiles_write_flags(int directory, const char *name, uint32_t flags);

/* The file systems whose files a boot loader reads (linux/magic.h); cfiles_file_system returns such a number, or another
 * one, or a negative errno. */
#define CFILES_BTRFS 0x9123683ELL
#define CFILES_FAT 0x4D44LL
long long cfiles_file_system(const char *path);

/* The number of a file's first block on the disk (FIBMAP), 0 if it has none. Returns 0 or a negative errno. */
int cfiles_first_block(int file, int *block);

/* pidfd_open(2): a descriptor of the process that has this number now. pidfd_send_signal(2): sends it a signal. */
int cfiles_open_process(int pid);
int cfiles_signal_process(int process, int signal);

/* Mounts the file system of this type on a device, where no other process sees it. Returns a descriptor of its top, or a
 * negative errno: EBUSY if it is mounted elsewhere, and only one of the two is read-only. */
int cfiles_mount(const char *device, const char *type, int read_only);
