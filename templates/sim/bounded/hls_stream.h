// hls::stream for the bounded simulation (-DISOBIT_BOUNDED): streams of exactly their hardware depth, and the processes
// of a dataflow side by side, so that a FIFO that is too shallow shows as a deadlock.
//
// ISOBIT_PROCESS(name, call) makes a fiber that runs the call once per frame; ISOBIT_DATAFLOW, before the first of them,
// declares the region that runs them at the end of its scope. A read of an empty stream or a write to a full one hands
// over to the next fiber. There are no threads: every run takes the same steps. When no fiber can go on,
//   ISOBIT-FAIL kind=deadlock stream=<s>(full) process=<p>; stream=<s>(empty) process=<p>; ...
// lists what each process waits for, first those that wait for each other, then the others; status 70.
// A stream without a depth, as the testbench uses, has no bound.
//
// A fiber starts with swapcontext, which makes system calls, and changes with _setjmp and _longjmp, which make none;
// compile with -U_FORTIFY_SOURCE, which would take the jump to another stack for an error.
#ifndef ISOBIT_SIM_HLS_STREAM_H
#define ISOBIT_SIM_HLS_STREAM_H

#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <deque>
#include <functional>
#include <vector>

#include "isobit_sim.h"

namespace isobit {
namespace sim {

// Frames that a process of the dataflow handles; set by the testbench.
inline size_t& frames() {
  static size_t count = 1;
  return count;
}

// What the fibers see of a stream.
struct channel {
  const char* name;
  size_t depth;  // 0: no bound
  size_t count;

  bool full() const { return depth != 0 && count == depth; }
};

// A process of the dataflow. `call` is its text, which names its streams.
struct fiber {
  const char* name;
  const char* call;
  std::function<void()> body;
  ucontext_t context;
  jmp_buf place;  // where it waits
  bool started, done;
  const channel* waits_for;
  bool for_space;

  bool blocked() const { return waits_for != nullptr && (for_space ? waits_for->full() : waits_for->count == 0); }

  // Does the call's text name the stream?
  bool uses(const char* stream) const {
    static const char* const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    const size_t length = strlen(stream);
    for (const char* word = call + strcspn(call, LETTERS); *word != '\0'; word += strcspn(word, LETTERS)) {
      const size_t size = strspn(word, LETTERS);
      if (size == length && strncmp(word, stream, size) == 0) return true;
      word += size;
    }
    return false;
  }
};

class dataflow {
 public:
  dataflow() { running() = this; }
  ~dataflow() {
    run();
    running() = nullptr;
  }
  dataflow(const dataflow&) = delete;
  dataflow& operator=(const dataflow&) = delete;

  static dataflow*& running() {
    static dataflow* region = nullptr;
    return region;
  }

  void add(const char* name, const char* call, std::function<void()> body) {
    fibers_.push_back({name, call, body, {}, {}, false, false, nullptr, false});
  }

  // Hands over until the channel has a word, or room.
  void wait(const channel& stream, bool for_space) {
    current_->waits_for = &stream;
    current_->for_space = for_space;
    if (_setjmp(current_->place) == 0) _longjmp(scheduler_, 1);
    current_->waits_for = nullptr;
  }

 private:
  // Reserved, not used: a page becomes memory when it is touched.
  static const size_t STACK = size_t(64) << 20;

  void run() {
    for (fiber& one : fibers_) prepare(one);
    for (bool left = true; left;) {
      bool moved = false;
      left = false;
      for (fiber& one : fibers_) {
        if (one.done) continue;
        left = true;
        if (one.blocked()) continue;
        resume(one);
        moved = true;
      }
      if (left && !moved) fail();
    }
    for (fiber& one : fibers_) munmap(one.context.uc_stack.ss_sp, STACK);
  }

  void resume(fiber& one) {
    current_ = &one;
    if (_setjmp(scheduler_) != 0) return;
    if (one.started) _longjmp(one.place, 1);
    one.started = true;
    setcontext(&one.context);
  }

  void prepare(fiber& one) {
    getcontext(&one.context);
    void* stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) {
      fprintf(stderr, "ISOBIT-FAIL kind=memory process=%s\n", one.name);
      stop();
    }
    one.context.uc_stack.ss_sp = stack;
    one.context.uc_stack.ss_size = STACK;
    makecontext(&one.context, &dataflow::run_current, 0);
  }

  static void run_current() {
    fiber& self = *running()->current_;
    for (size_t f = 0; f < frames(); ++f) self.body();
    self.done = true;
    _longjmp(running()->scheduler_, 1);
  }

  // The process at the other end of the stream that `one` waits for; null for the testbench.
  fiber* other_end(const fiber& one) {
    for (fiber& candidate : fibers_)
      if (&candidate != &one && candidate.uses(one.waits_for->name)) return &candidate;
    return nullptr;
  }

  // Processes of which each waits for the next and the last for the first, beginning with one whose stream is full.
  std::vector<fiber*> circle() {
    std::vector<fiber*> path;
    for (fiber& one : fibers_)
      if (!one.done && path.empty()) path.push_back(&one);
    for (;;) {
      fiber* next = other_end(*path.back());
      if (next == nullptr || next->done) return {};
      for (size_t i = 0; i < path.size(); ++i)
        if (path[i] == next) return full_first(std::vector<fiber*>(path.begin() + i, path.end()));
      path.push_back(next);
    }
  }

  static std::vector<fiber*> full_first(std::vector<fiber*> ring) {
    for (size_t i = 0; i < ring.size() && !ring.front()->for_space; ++i) {
      ring.push_back(ring.front());
      ring.erase(ring.begin());
    }
    return ring;
  }

  [[noreturn]] void fail() {
    std::vector<fiber*> order = circle();
    const std::vector<fiber*> first = order;
    for (fiber& one : fibers_) {
      bool listed = one.done;
      for (const fiber* other : first) listed = listed || other == &one;
      if (!listed) order.push_back(&one);
    }
    fprintf(stderr, "ISOBIT-FAIL kind=deadlock");
    for (size_t i = 0; i < order.size(); ++i)
      fprintf(stderr, "%s stream=%s(%s) process=%s", i == 0 ? "" : ";", order[i]->waits_for->name,
              order[i]->for_space ? "full" : "empty", order[i]->name);
    fprintf(stderr, "\n");
    stop();
  }

  std::deque<fiber> fibers_;  // never moved: a context holds pointers into itself
  fiber* current_;
  jmp_buf scheduler_;
};

}  // namespace sim
}  // namespace isobit

namespace hls {

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> {
 public:
  explicit stream(const char* name = "unnamed") : stream(name, 0) {}
  ~stream() {
    if (state_.count != 0) isobit::sim::fail_stream("leftover", state_.name);
  }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  bool empty() const { return state_.count == 0; }
  bool full() const { return state_.full(); }
  size_t size() const { return state_.count; }

  void write(const T& element) {
    while (full()) wait("overflow", true);
    if (state_.count == words_.size()) grow();
    words_[(head_ + state_.count++) % words_.size()] = element;
  }
  T read() {
    while (empty()) wait("empty-read", false);
    const T element = words_[head_];
    head_ = (head_ + 1) % words_.size();
    --state_.count;
    return element;
  }

 protected:
  stream(const char* name, size_t depth) : state_{name, depth, 0}, words_(depth), head_(0) {}

 private:
  // Outside a dataflow nobody else could help.
  void wait(const char* kind, bool for_space) {
    isobit::sim::dataflow* region = isobit::sim::dataflow::running();
    if (region == nullptr) isobit::sim::fail_stream(kind, state_.name);
    region->wait(state_, for_space);
  }
  void grow() {
    std::vector<T> larger(2 * words_.size() + 64);
    for (size_t i = 0; i < state_.count; ++i) larger[i] = words_[(head_ + i) % words_.size()];
    words_.swap(larger);
    head_ = 0;
  }

  isobit::sim::channel state_;
  std::vector<T> words_;
  size_t head_;
};

template <class T, int DEPTH>
class stream : public stream<T, 0> {
 public:
  explicit stream(const char* name = "unnamed") : stream<T, 0>(name, DEPTH) {}
};

}  // namespace hls

#define ISOBIT_DATAFLOW isobit::sim::dataflow isobit_region;
#define ISOBIT_PROCESS(name, ...) isobit_region.add(name, #__VA_ARGS__, [&] { __VA_ARGS__; })

#endif
