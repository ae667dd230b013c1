// hls::stream that keeps no data: it records in which iteration of its process each word is read or written.
//
// The schedules under test do not depend on data. The headers are compiled with their PIPELINE pragma, the first line
// of every pipelined loop, replaced by a call of trace::next_iteration().
#ifndef ISOBIT_TEST_TRACED_STREAM_H
#define ISOBIT_TEST_TRACED_STREAM_H

#include <stdio.h>

namespace trace {

static int iteration = -1;

inline void next_iteration() { ++iteration; }
inline void begin(const char* name) {
  iteration = -1;
  printf("case %s\n", name);
}
inline void end() { printf("trip %d\n", iteration + 1); }

}  // namespace trace

namespace hls {

template <class T>
class stream {
 public:
  explicit stream(int port) : port_(port) {}
  T read() {
    record();
    return T();
  }
  void write(const T&) { record(); }

 private:
  void record() { printf("%d %d\n", port_, trace::iteration); }
  int port_;
};

}  // namespace hls

#endif
