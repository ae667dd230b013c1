// hls::stream for simulation outside Vitis: a first-in first-out queue that stops at what hardware would hang on.
//
// Reading an empty stream, leaving elements in one that ends, and growing past MAX_ELEMENTS are named failures
// (isobit_sim.h). DEPTH is the hardware's; here processes run one after the other and a stream holds a frame.
// Elements are moved as bytes, by code that is the same for all of them: a project has dozens of element types, and what
// is a template is compiled for each. Buffers are pooled, so that a stream made for every frame costs no allocation.
#ifndef ISOBIT_SIM_HLS_STREAM_H
#define ISOBIT_SIM_HLS_STREAM_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "isobit_sim.h"

namespace isobit {
namespace sim {

// Buffers waiting for their next stream, the last one given first: streams that end in the reverse order of their
// declaration, as those of a function do, find their own again in the next call, large enough and, if small, in cache.
// One for every thread; never destroyed: streams may outlive any static object.
struct buffer_pool {
  struct buffer {
    char* bytes;
    size_t size;
  };
  buffer* waiting;
  size_t count, room;

  // The buffer given last; an empty one when there is none.
  buffer take() {
    if (count == 0) return {nullptr, 0};
    return waiting[--count];
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

inline buffer_pool& pool() {
  static thread_local buffer_pool buffers = {nullptr, 0, 0};
  return buffers;
}

// A ring buffer of elements of `size` bytes.
class ring {
 public:
  static const size_t MAX_ELEMENTS = size_t(1) << 26;

  ring(const char* name, size_t size) : name_(name), size_(size), capacity_(0), head_(0), count_(0) {
    buffer_ = pool().take();
    if (buffer_.size >= size) for (capacity_ = 1; 2 * capacity_ * size <= buffer_.size;) capacity_ *= 2;
  }
  ~ring() {
    if (count_ != 0) fail_stream("leftover", name_);
    pool().give(buffer_);
  }
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == MAX_ELEMENTS; }
  size_t size() const { return count_; }
  const char* name() const { return name_; }

 protected:
  // Where the element lies that the (i + 1)-th read returns.
  char* at(size_t i) const { return buffer_.bytes + ((head_ + i) & (capacity_ - 1)) * size_; }
  // Where the next element is written.
  char* last() {
    if (count_ == capacity_) grow();
    return at(count_++);
  }
  // Where the element lies that is read now.
  const char* first() {
    if (count_ == 0) fail_stream("empty-read", name_);
    const char* place = at(0);
    head_ = (head_ + 1) & (capacity_ - 1);
    --count_;
    return place;
  }

 private:
  __attribute__((cold, noinline)) void grow() {
    if (full()) fail_stream("overflow", name_);
    const size_t larger = capacity_ == 0 ? 64 : 2 * capacity_;
    char* bytes = static_cast<char*>(malloc(larger * size_));
    if (bytes == nullptr) abort();
    for (size_t i = 0; i < count_; ++i) memcpy(bytes + i * size_, at(i), size_);
    free(buffer_.bytes);
    buffer_ = {bytes, larger * size_};
    capacity_ = larger;
    head_ = 0;
  }

  const char* name_;
  const size_t size_;
  buffer_pool::buffer buffer_;
  size_t capacity_;  // a power of two, or 0
  size_t head_;
  size_t count_;
};

}  // namespace sim
}  // namespace isobit

namespace hls {

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> : public isobit::sim::ring {
 public:
  explicit stream(const char* name = "unnamed") : ring(name, sizeof(T)) {}

  void write(const T& element) { memcpy(last(), static_cast<const void*>(&element), sizeof(T)); }
  T read() {
    T element;
    memcpy(static_cast<void*>(&element), first(), sizeof(T));
    return element;
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
  const T& peek(size_t i) const { return *reinterpret_cast<const T*>(at(i)); }
};

// A stream with its hardware depth; passes as hls::stream<T>.
template <class T, int DEPTH>
class stream : public stream<T, 0> {
 public:
  explicit stream(const char* name = "unnamed") : stream<T, 0>(name) {}
};

}  // namespace hls

#endif
