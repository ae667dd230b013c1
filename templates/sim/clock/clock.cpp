// The clocks of a dataflow with given FIFO depths, word by word, from the schedules that the templates declare.
//
//   clock < design        prints the clock in which each frame has left, a line each, or "deadlock"
//
// The design is 64-bit integers: frames; streams, and the depth of each; processes, and for each in topological order the
// iterations of a frame, the clocks from an iteration's start to its write, the clocks between frames, and its inputs
// and outputs: a count of each, then per port its stream, its words per frame and the iteration of every word.
//
// A process moves on a step a clock, or stalls as a whole: while a word that this step reads was not written in an earlier
// clock, or a slot that it writes was not read in an earlier one. So a step's clock is the largest of three sums, all
// known once the neighbours have got there; no clock is ever counted through.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <vector>

typedef int64_t clock_t64;

// Times of the last `depth` writes and reads: all that anyone can still ask for.
struct fifo {
  std::vector<clock_t64> written, read;
  int64_t writes, reads;
};

struct port {
  fifo* stream;
  std::vector<int64_t> steps;  // of a frame, in which a word passes
  size_t next;
};

struct process {
  int64_t length, frames;  // steps of a frame; frames done
  int64_t step;            // the last one taken
  clock_t64 time;          // its clock
  std::vector<port> inputs, outputs;
};

static int64_t number() {
  int64_t value;
  if (fread(&value, sizeof value, 1, stdin) != 1) {
    fprintf(stderr, "the design ends early\n");
    exit(2);
  }
  return value;
}

static std::vector<port> ports(int64_t count, int64_t later, std::vector<fifo>& fifos) {
  std::vector<port> made(count);
  for (port& p : made) {
    p.stream = &fifos[number()];
    p.steps.resize(number());
    for (int64_t& step : p.steps) step = number() + later;
    p.next = 0;
  }
  return made;
}

static int64_t next_step(const process& p) {
  int64_t step = p.length - 1;
  for (const port& i : p.inputs) if (i.next < i.steps.size()) step = std::min(step, i.steps[i.next]);
  for (const port& o : p.outputs) if (o.next < o.steps.size()) step = std::min(step, o.steps[o.next]);
  return step;
}

static bool passes(const port& p, int64_t step) { return p.next < p.steps.size() && p.steps[p.next] == step; }

// Takes the next step in which a word passes, or the frame's last one. False while a neighbour has not got there.
static bool advance(process& p) {
  const int64_t step = next_step(p);
  clock_t64 time = p.time + step - p.step;
  for (const port& i : p.inputs) {
    if (!passes(i, step)) continue;
    const fifo& f = *i.stream;
    if (f.reads == f.writes) return false;
    time = std::max(time, f.written[f.reads % f.written.size()] + 1);
  }
  for (const port& o : p.outputs) {
    if (!passes(o, step)) continue;
    const fifo& f = *o.stream;
    const int64_t depth = f.read.size();
    if (f.writes - f.reads == depth) return false;
    if (f.writes >= depth) time = std::max(time, f.read[f.writes % depth] + 1);
  }
  for (port& i : p.inputs) {
    if (!passes(i, step)) continue;
    i.stream->read[i.stream->reads++ % i.stream->read.size()] = time;
    ++i.next;
  }
  for (port& o : p.outputs) {
    if (!passes(o, step)) continue;
    o.stream->written[o.stream->writes++ % o.stream->written.size()] = time;
    ++o.next;
  }
  p.step = step;
  p.time = time;
  return true;
}

static void end_frame(process& p) {
  for (port& i : p.inputs) i.next = 0;
  for (port& o : p.outputs) o.next = 0;
  p.step = -1;
  ++p.frames;
}

int main() {
  const int64_t frames = number();
  std::vector<fifo> fifos(number());
  for (fifo& f : fifos) {
    const int64_t depth = number();
    f.written.assign(depth, 0);
    f.read.assign(depth, 0);
    f.writes = f.reads = 0;
  }
  std::vector<process> processes(number());
  for (process& p : processes) {
    const int64_t trip = number(), latency = number(), pause = number();
    p.length = trip + latency + pause;
    p.frames = 0;
    p.step = p.time = -1;
    const int64_t inputs = number(), outputs = number();
    p.inputs = ports(inputs, 0, fifos);
    p.outputs = ports(outputs, latency, fifos);
  }
  bool moved = true;
  while (moved) {
    moved = false;
    for (process& p : processes) {
      while (p.frames < frames && advance(p)) {
        moved = true;
        if (p.step < p.length - 1) continue;
        end_frame(p);
        if (&p == &processes.back()) printf("%lld\n", static_cast<long long>(p.time));
      }
    }
  }
  if (processes.back().frames < frames) printf("deadlock\n");
  return 0;
}
