/// Parsers of kernel text. They look at `length` bytes only, need no final zero, and refuse what they do not
/// understand.
#ifndef COXSWAIN_PARSE_H
#define COXSWAIN_PARSE_H

#include "cshim.h"

/// A decimal number at `*cursor`, which moves behind it. False for no digit or more than INT64_MAX.
bool cox_parse_decimal(const char **cursor, const char *end, int64_t *out);

/// A PSI file. Lines that are missing are ENODATA, text that is not understood EBADMSG.
void cox_parse_psi(const char *text, size_t length, cox_psi *out);

/// The figure behind `key` (with its colon) in meminfo text, per node ("Node 0 MemFree: 12 kB") or global, in bytes.
cox_value cox_parse_meminfo(const char *text, size_t length, const char *key);

/// The figure behind `key` and one space in text of the kind of cgroup memory.stat.
cox_value cox_parse_stat(const char *text, size_t length, const char *key);

/// A file with one number, or "max" (INT64_MAX).
cox_value cox_parse_number(const char *text, size_t length);

/// A kernel list ("0-3,8"); ids ascend, at most `capacity` are stored. Returns how many there are, or -1 for no list.
int64_t cox_parse_list(const char *text, size_t length, int32_t *ids, size_t capacity);

/// The text behind `key` up to the end of its line, without blanks around it, as in /proc/self/status. NULL if missing.
const char *cox_parse_line(const char *text, size_t length, const char *key, size_t *found);

/// Undoes the octal escapes of mountinfo ("\040") in place and returns the new length.
size_t cox_unescape(char *text, size_t length);

#endif
