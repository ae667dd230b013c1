// The tapped build (-DISOBIT_TAPS): ISOBIT_TAP(name, stream) appends what the stream holds to taps()[name].
//
// C simulation runs the processes of a frame one after the other, so right after a process its output stream
// holds the frame; it is looked at, not read.
#ifndef ISOBIT_TAP_H
#define ISOBIT_TAP_H

#include <stdint.h>

#include <map>
#include <string>
#include <vector>

namespace isobit {
namespace sim {

typedef std::map<std::string, std::vector<int64_t> > tap_map;

inline tap_map& taps() {
  static tap_map all;
  return all;
}

template <class T>
auto append(std::vector<int64_t>& values, const T& scalar) -> decltype(scalar.to_int64(), void()) {
  values.push_back(scalar.to_int64());
}

template <class T>
auto append(std::vector<int64_t>& values, const T& word) -> decltype(word.data[0].to_int64(), void()) {
  for (const auto& element : word.data) values.push_back(element.to_int64());
}

template <class Stream>
void tap(const char* name, const Stream& stream) {
  std::vector<int64_t>& values = taps()[name];
  for (size_t i = 0; i < stream.size(); ++i) append(values, stream.peek(i));
}

}  // namespace sim
}  // namespace isobit

#define ISOBIT_TAP(name, stream) isobit::sim::tap(name, stream)

#endif
