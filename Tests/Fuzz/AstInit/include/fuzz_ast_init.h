#pragma once
#include <stddef.h>

/// Gives the first program of a start (Sources/ast-init) these bytes as the table of mounts, as its note, and as the
/// kernel's command line.
void fuzz_ast_init(const unsigned char *data, size_t size);
