#include "parse.h"

#include <errno.h>
#include <string.h>

static cox_value ok(int64_t value) { return (cox_value){.value = value, .status = COX_OK, .cause = 0}; }

static cox_value garbage(void) { return (cox_value){.value = 0, .status = COX_LOST, .cause = EBADMSG}; }

static cox_value missing(void) { return (cox_value){.value = 0, .status = COX_UNSUPPORTED, .cause = ENODATA}; }

bool cox_parse_decimal(const char **cursor, const char *end, int64_t *out) {
  const char *at = *cursor;
  int64_t value = 0;
  if (at >= end || *at < '0' || *at > '9') return false;
  for (; at < end && *at >= '0' && *at <= '9'; at++) {
    int digit = *at - '0';
    if (value > (INT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *cursor = at;
  *out = value;
  return true;
}

/// Moves behind `word` if the text continues with it.
static bool accept(const char **cursor, const char *end, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(end - *cursor) < length || memcmp(*cursor, word, length) != 0) return false;
  *cursor += length;
  return true;
}

static const char *line_end(const char *at, const char *end) {
  const char *newline = memchr(at, '\n', (size_t)(end - at));
  return newline ? newline : end;
}

/// "12.34" as 1234.
static bool parse_centi(const char **cursor, const char *end, int64_t *out) {
  int64_t whole = 0;
  if (!cox_parse_decimal(cursor, end, &whole) || whole > INT64_MAX / 100 - 1) return false;
  if (end - *cursor < 3 || **cursor != '.') return false;
  const char *digits = *cursor + 1;
  if (digits[0] < '0' || digits[0] > '9' || digits[1] < '0' || digits[1] > '9') return false;
  *out = whole * 100 + (digits[0] - '0') * 10 + (digits[1] - '0');
  *cursor += 3;
  return true;
}

static void fill_psi_line(cox_psi_line *line, cox_value value) {
  line->avg10_centipercent = value;
  line->avg60_centipercent = value;
  line->avg300_centipercent = value;
  line->total_us = value;
}

static void parse_psi_line(const char *at, const char *end, cox_psi_line *out) {
  int64_t avg10 = 0, avg60 = 0, avg300 = 0, total = 0;
  bool good = accept(&at, end, " avg10=") && parse_centi(&at, end, &avg10) && accept(&at, end, " avg60=") &&
              parse_centi(&at, end, &avg60) && accept(&at, end, " avg300=") && parse_centi(&at, end, &avg300) &&
              accept(&at, end, " total=") && cox_parse_decimal(&at, end, &total) && at == end;
  if (!good) {
    fill_psi_line(out, garbage());
    return;
  }
  out->avg10_centipercent = ok(avg10);
  out->avg60_centipercent = ok(avg60);
  out->avg300_centipercent = ok(avg300);
  out->total_us = ok(total);
}

void cox_parse_psi(const char *text, size_t length, cox_psi *out) {
  const char *at = text, *end = text + length;
  bool any = false, strange = false;
  fill_psi_line(&out->some, missing());
  fill_psi_line(&out->full, missing());
  while (at < end) {
    const char *stop = line_end(at, end);
    const char *cursor = at;
    if (accept(&cursor, stop, "some")) {
      parse_psi_line(cursor, stop, &out->some);
      any = true;
    } else if (accept(&cursor, stop, "full")) {
      parse_psi_line(cursor, stop, &out->full);
      any = true;
    } else if (stop != at) {
      strange = true;
    }
    at = stop + (stop < end);
  }
  if (!any || strange) {
    if (out->some.total_us.status != COX_OK) fill_psi_line(&out->some, garbage());
    if (out->full.total_us.status != COX_OK && !any) fill_psi_line(&out->full, garbage());
  }
}

/// Start of what stands behind "Node <n> " where a line begins with that.
static const char *skip_node_prefix(const char *at, const char *end) {
  const char *cursor = at;
  int64_t node = 0;
  if (accept(&cursor, end, "Node ") && cox_parse_decimal(&cursor, end, &node) && accept(&cursor, end, " ")) {
    return cursor;
  }
  return at;
}

cox_value cox_parse_meminfo(const char *text, size_t length, const char *key) {
  const char *at = text, *end = text + length;
  while (at < end) {
    const char *stop = line_end(at, end);
    const char *cursor = skip_node_prefix(at, stop);
    if (accept(&cursor, stop, key)) {
      int64_t kilobytes = 0;
      while (cursor < stop && *cursor == ' ') cursor++;
      bool good = cox_parse_decimal(&cursor, stop, &kilobytes) && accept(&cursor, stop, " kB") && cursor == stop;
      return good && kilobytes <= INT64_MAX / 1024 ? ok(kilobytes * 1024) : garbage();
    }
    at = stop + (stop < end);
  }
  return missing();
}

cox_value cox_parse_stat(const char *text, size_t length, const char *key) {
  const char *at = text, *end = text + length;
  while (at < end) {
    const char *stop = line_end(at, end);
    const char *cursor = at;
    if (accept(&cursor, stop, key) && accept(&cursor, stop, " ")) {
      int64_t value = 0;
      return cox_parse_decimal(&cursor, stop, &value) && cursor == stop ? ok(value) : garbage();
    }
    at = stop + (stop < end);
  }
  return missing();
}

cox_value cox_parse_number(const char *text, size_t length) {
  const char *at = text, *end = text + length;
  int64_t value = 0;
  if (end > at && end[-1] == '\n') end--;
  if (accept(&at, end, "max")) return at == end ? ok(INT64_MAX) : garbage();
  return cox_parse_decimal(&at, end, &value) && at == end ? ok(value) : garbage();
}

int64_t cox_parse_list(const char *text, size_t length, int32_t *ids, size_t capacity) {
  const char *at = text, *end = text + length;
  int64_t count = 0, previous = -1;
  if (end > at && end[-1] == '\n') end--;
  if (at == end) return 0;
  while (true) {
    int64_t first = 0, last = 0;
    if (!cox_parse_decimal(&at, end, &first)) return -1;
    last = first;
    if (accept(&at, end, "-") && !cox_parse_decimal(&at, end, &last)) return -1;
    if (first <= previous || last < first || last > INT32_MAX) return -1;
    for (int64_t id = first; id <= last && count + (id - first) < (int64_t)capacity; id++) {
      ids[count + (id - first)] = (int32_t)id;
    }
    count += last - first + 1;
    previous = last;
    if (at == end) return count;
    if (!accept(&at, end, ",")) return -1;
  }
}

const char *cox_parse_line(const char *text, size_t length, const char *key, size_t *found) {
  const char *at = text, *end = text + length;
  while (at < end) {
    const char *stop = line_end(at, end);
    const char *cursor = at;
    if (accept(&cursor, stop, key)) {
      while (cursor < stop && (*cursor == ' ' || *cursor == '\t')) cursor++;
      while (stop > cursor && (stop[-1] == ' ' || stop[-1] == '\t')) stop--;
      *found = (size_t)(stop - cursor);
      return cursor;
    }
    at = stop + (stop < end);
  }
  return NULL;
}

size_t cox_unescape(char *text, size_t length) {
  size_t out = 0;
  for (size_t i = 0; i < length; i++) {
    bool octal = text[i] == '\\' && length - i > 3;
    for (size_t k = 1; octal && k <= 3; k++) octal = text[i + k] >= '0' && text[i + k] <= '7';
    if (!octal) {
      text[out++] = text[i];
      continue;
    }
    text[out++] = (char)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}
