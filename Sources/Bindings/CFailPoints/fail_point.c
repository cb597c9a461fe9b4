// What happens at a fail point. The shipped program has a function that does nothing; a program for tests is the same
// one, linked with this file as it is for FAILPOINTS, which takes its place.
#include "include/CFailPoints.h"

#ifndef FAILPOINTS

__attribute__((weak)) void fail_point_pass(const char *name) { (void)name; }

__attribute__((weak)) void fail_point_follow(const char *orders) { (void)orders; }

#else

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static long passed;

static void append(const char *path, const char *name) {
  char line[256];
  int length = snprintf(line, sizeof line, "%s\n", name);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  (void)!write(file, line, (size_t)length);
  close(file);
}

void fail_point_pass(const char *name) {
  const char *trace = getenv("AST_FAIL_TRACE"), *at = getenv("AST_FAIL_AT"), *with = getenv("AST_FAIL_SIGNAL");
  if (!trace && !at) return;
  // Threads that meet here pass one after the other, and none passes after the kill.
  pthread_mutex_lock(&turn);
  char number[24];
  (void)snprintf(number, sizeof number, "%ld", ++passed);
  if (trace) append(trace, name);
  if (at && (strcmp(at, number) == 0 || strcmp(at, name) == 0)) (void)kill(getpid(), with ? atoi(with) : SIGKILL);
  pthread_mutex_unlock(&turn);
}

void fail_point_follow(const char *orders) {
  static const char *const variables[] = {"AST_FAIL_TRACE", "AST_FAIL_AT", "AST_FAIL_SIGNAL"};
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) (void)unsetenv(variables[i]);
  passed = 0;
  char *rest = strdup(orders);  // a part of the environment from now on
  for (char *order; (order = strsep(&rest, "\n"));)
    if (strncmp(order, "AST_FAIL_", 9) == 0 && strchr(order, '=')) (void)putenv(order);
}

#endif
