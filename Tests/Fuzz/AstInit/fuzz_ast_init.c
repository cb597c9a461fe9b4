#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const void *bytes;
static size_t count;

// The program reads its files through these.
static FILE *open_bytes(void) { return fmemopen((void *)bytes, count, "r"); }

static ssize_t read_bytes(void *buffer, size_t size) {
  size_t length = count < size ? count : size;
  memcpy(buffer, bytes, length);
  return (ssize_t)length;
}

#define main ast_init_main
#define fopen(path, mode) open_bytes()
#define read(file, buffer, size) read_bytes(buffer, size)
#include "../../../Sources/ast-init/main.c"
#undef fopen
#undef read

void fuzz_ast_init(const unsigned char *data, size_t size) {
  // fmemopen(3) wants a byte at least.
  if (size == 0) return;
  bytes = data;
  count = size;
  struct root root;
  if (find_root(&root) && (root.deployment <= 0 || !memchr(root.store, 0, sizeof root.store))) abort();
  struct note note;
  read_note(&note);
  if (!memchr(note.ran, 0, sizeof note.ran) || !memchr(note.from, 0, sizeof note.from)) abort();
  char command_line[4096];
  const char *program = next_program(command_line, sizeof command_line);
  if (*program != '/') abort();
}
