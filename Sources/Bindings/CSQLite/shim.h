#include <sqlite3.h>

// Variadic C functions do not import into Swift; these are the uses of them that the wrapper has.

static inline int csqlite_set_option(sqlite3 *connection, int option, int value) {
  return sqlite3_db_config(connection, option, value, (int *)0);
}

// SQLITE_TRANSIENT is a cast of -1 to a function pointer, which does not import either.
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 bytes) {
  return sqlite3_bind_text64(statement, index, text, bytes, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int csqlite_bind_blob(sqlite3_stmt *statement, int index, const void *blob, sqlite3_uint64 bytes) {
  return sqlite3_bind_blob64(statement, index, blob, bytes, SQLITE_TRANSIENT);
}

// Extended result codes are macros with a shift in them.
static const int csqlite_ioerr_short_read = SQLITE_IOERR_SHORT_READ;
static const int csqlite_ioerr_shmsize = SQLITE_IOERR_SHMSIZE;
static const int csqlite_ioerr_shmmap = SQLITE_IOERR_SHMMAP;
static const int csqlite_ioerr_shmlock = SQLITE_IOERR_SHMLOCK;

// The error number of the last failed read of the database or its log, or 0: SQLite calls a read that fails with EIO a
// damaged file (SQLITE_IOERR_CORRUPTFS in src/vdbe.c), and keeps the number to itself.
static inline int csqlite_read_errno(sqlite3 *connection) {
  int number = 0;
  sqlite3_file *log = 0;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK && number)
    return number;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  // A journal in memory has none of this.
  if (!log || !log->pMethods || !log->pMethods->xFileControl) return 0;
  return log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK ? number : 0;
}
