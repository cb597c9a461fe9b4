#include <zlib.h>

// A macro does not import into Swift. The window of 15 bits is that of any file of gzip(1), and 16 asks for this format.
static inline int czlib_begin_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
