// Extended attributes: Swift's Glibc module leaves them out.
#include <sys/xattr.h>
