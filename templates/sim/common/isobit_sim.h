// What a simulation outside Vitis adds to the templates: named failures, the checked build's location, taps.
//
// A failure prints one line, `ISOBIT-FAIL kind=<kind> ...`, on stderr and ends the process with status 70.
// Defines the ISOBIT_* macros of isobit/types.hpp; included by the stand-ins for ap_int.h and hls_stream.h.
#ifndef ISOBIT_SIM_H
#define ISOBIT_SIM_H

#include <stdio.h>
#include <stdlib.h>

namespace isobit {
namespace sim {

static const int FAIL_STATUS = 70;

[[noreturn]] inline void stop() {
  fflush(stderr);
  _Exit(FAIL_STATUS);
}

// kind: empty-read, leftover or overflow.
[[noreturn]] __attribute__((cold, noinline)) inline void fail_stream(const char* kind, const char* stream) {
  fprintf(stderr, "ISOBIT-FAIL kind=%s stream=%s\n", kind, stream);
  stop();
}

// Where the checked simulation is: set by ISOBIT_LAYER and ISOBIT_CHANNEL, channel -1 outside any.
struct location {
  const char* layer;
  int channel;
};

inline location& here() {
  static location where = {"?", -1};
  return where;
}

// A value that does not fit the type it is assigned to.
[[noreturn]] __attribute__((cold, noinline)) inline void fail_lossy(__int128 value, int width, bool is_signed) {
  char digits[48];
  char* text = digits + sizeof digits - 1;
  *text = '\0';
  unsigned __int128 rest = value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  do *--text = static_cast<char>('0' + static_cast<int>(rest % 10));
  while (rest /= 10);
  if (value < 0) *--text = '-';
  fprintf(stderr, "ISOBIT-FAIL kind=lossy layer=%s channel=%d value=%s type=%s<%d>\n", here().layer, here().channel,
          text, is_signed ? "ap_int" : "ap_uint", width);
  stop();
}

inline void check_index(long long index, long long size) {
  if (index >= 0 && index < size) return;
  fprintf(stderr, "ISOBIT-FAIL kind=index layer=%s channel=%d value=%lld size=%lld\n", here().layer, here().channel,
          index, size);
  stop();
}

}  // namespace sim
}  // namespace isobit

#ifdef ISOBIT_CHECKED
#define ISOBIT_LAYER(name) (isobit::sim::here() = {name, -1})
#define ISOBIT_CHANNEL(c) (isobit::sim::here().channel = (c))
#define ISOBIT_INDEX(index, size) isobit::sim::check_index(index, size)
#else
#define ISOBIT_LAYER(name) static_cast<void>(0)
#define ISOBIT_CHANNEL(c) static_cast<void>(c)
#define ISOBIT_INDEX(index, size) static_cast<void>(0)
#endif

#ifdef ISOBIT_TAPS
#include "isobit_tap.h"
#else
#define ISOBIT_TAP(name, stream) static_cast<void>(0)
#endif

#endif
