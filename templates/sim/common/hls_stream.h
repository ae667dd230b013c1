// hls::stream for simulation outside Vitis: a first-in first-out queue that stops at what hardware would hang on.
//
// Reading an empty stream, leaving elements in one that ends, and growing past MAX_ELEMENTS are named failures
// (isobit_sim.h). DEPTH is the hardware's; here processes run one after the other and a stream holds a frame.
// Buffers are pooled per element type, so that a stream made for every frame costs no allocation.
#ifndef ISOBIT_SIM_HLS_STREAM_H
#define ISOBIT_SIM_HLS_STREAM_H

#include <stddef.h>
#include <stdlib.h>

#include "isobit_sim.h"

namespace isobit {
namespace sim {

// Ring buffers waiting for their next stream, the last one given first: streams that end in the reverse order of their
// declaration, as those of a function do, find their own again in the next call, large enough and, if small, in cache.
// One for every element type and thread; never destroyed: streams may outlive any static object. It is no template, and
// no container either: a project has dozens of element types, and each would be compiled on its own.
struct buffer_pool {
  struct buffer {
    void* elements;
    size_t capacity;
  };
  buffer* waiting;
  size_t count, room;

  // The buffer given last; false when there is none.
  bool take(buffer& taken) {
    if (count == 0) return false;
    taken = waiting[--count];
    return true;
  }

  void give(buffer used) {
    if (count == room) {
      room = room == 0 ? 16 : 2 * room;
      waiting = static_cast<buffer*>(realloc(waiting, room * sizeof(buffer)));
      if (waiting == nullptr) abort();
    }
    waiting[count++] = used;
  }
};

template <class T>
struct pool_of {
  static thread_local buffer_pool pool;
};
template <class T>
thread_local buffer_pool pool_of<T>::pool = {nullptr, 0, 0};

}  // namespace sim
}  // namespace isobit

namespace hls {

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> {
 public:
  static const size_t MAX_ELEMENTS = size_t(1) << 26;

  explicit stream(const char* name = "unnamed") : name_(name), head_(0), count_(0) {
    isobit::sim::buffer_pool::buffer taken;
    const bool found = isobit::sim::pool_of<T>::pool.take(taken);
    capacity_ = found ? taken.capacity : 64;
    buffer_ = found ? static_cast<T*>(taken.elements) : new T[64];
  }
  ~stream() {
    if (count_ != 0) isobit::sim::fail_stream("leftover", name_);
    isobit::sim::pool_of<T>::pool.give({buffer_, capacity_});
  }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == MAX_ELEMENTS; }
  size_t size() const { return count_; }
  const char* name() const { return name_; }

  void write(const T& element) {
    if (count_ == capacity_) grow();
    buffer_[(head_ + count_++) & (capacity_ - 1)] = element;
  }
  T read() {
    if (count_ == 0) isobit::sim::fail_stream("empty-read", name_);
    const size_t first = head_;
    head_ = (head_ + 1) & (capacity_ - 1);
    --count_;
    return buffer_[first];
  }
  void read(T& element) { element = read(); }

  bool write_nb(const T& element) {
    if (full()) return false;
    write(element);
    return true;
  }
  bool read_nb(T& element) {
    if (empty()) return false;
    element = read();
    return true;
  }
  void operator<<(const T& element) { write(element); }
  void operator>>(T& element) { element = read(); }

  // Simulation only: the element that the (i + 1)-th read would return.
  const T& peek(size_t i) const { return buffer_[(head_ + i) & (capacity_ - 1)]; }

 private:
  __attribute__((cold, noinline)) void grow() {
    if (full()) isobit::sim::fail_stream("overflow", name_);
    T* larger = new T[2 * capacity_];
    for (size_t i = 0; i < count_; ++i) larger[i] = peek(i);
    delete[] buffer_;
    buffer_ = larger;
    capacity_ *= 2;
    head_ = 0;
  }

  const char* name_;
  T* buffer_;
  size_t capacity_;  // a power of two
  size_t head_;
  size_t count_;
};

// A stream with its hardware depth; passes as hls::stream<T>.
template <class T, int DEPTH>
class stream : public stream<T, 0> {
 public:
  explicit stream(const char* name = "unnamed") : stream<T, 0>(name) {}
};

}  // namespace hls

#endif
