// The clocks of a dataflow with given FIFO depths, word by word, from the schedules that the templates declare.
//
//   clock < design        prints the clock in which each frame has left, a line each, or "deadlock"
//
// The design is 64-bit integers: frames; streams, and the depth of each; processes, and for each in topological order the
// iterations of a frame, the clocks from an iteration's start to its write, and its inputs and outputs: a count of each,
// then per port its stream, a count of runs, and for each run the words, the iteration of the first and the iterations
// from word to word.
//
// A process is a flushing pipeline that rewinds: its iterations are counted on from frame to frame. One enters in the
// clock after the one before, or once every word that it reads was written in an earlier clock; behind it others leave
// all the same. It leaves `latency` clocks later; while a
// slot that it then writes was not read in an earlier clock, the whole process stands still. No clock is counted through:
// entering and leaving are two sequences of times, each known once the neighbours have got there.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <deque>
#include <vector>

typedef int64_t clock_t64;

// Times of the last `depth` writes and reads: all that anyone can still ask for.
struct fifo {
  std::vector<clock_t64> written, read;
  int64_t writes, reads;
};

struct run {
  int64_t words, first, step;
};

// A place in the words of a port, round and round: the next one.
struct cursor {
  int64_t frame;
  size_t number;
  int64_t word;
};

struct port {
  fifo* stream;
  std::vector<run> runs;
  cursor entering, leaving;
};

struct stand {
  clock_t64 begin, end;  // clocks begin .. end - 1 in which the process stood still
};

struct leaver {
  int64_t iteration;
  clock_t64 due;
};

struct process {
  int64_t trip, latency, frames;
  int64_t iteration;  // the last one that entered, counted from the first frame's first
  clock_t64 time;     // its clock
  std::vector<port> inputs, outputs;
  std::deque<leaver> inside;  // iterations that write, and each frame's last
  std::deque<stand> stands;
};

static int64_t number() {
  int64_t value;
  if (fread(&value, sizeof value, 1, stdin) != 1) {
    fprintf(stderr, "the design ends early\n");
    exit(2);
  }
  return value;
}

static std::vector<port> ports(int64_t count, std::vector<fifo>& fifos) {
  std::vector<port> made(count);
  for (port& p : made) {
    p.stream = &fifos[number()];
    p.runs.resize(number());
    for (run& r : p.runs) {
      r.words = number();
      r.first = number();
      r.step = number();
    }
    p.entering = p.leaving = cursor{0, 0, 0};
  }
  return made;
}

static int64_t iteration(const process& p, const port& one, const cursor& c) {
  return c.frame * p.trip + one.runs[c.number].first + c.word * one.runs[c.number].step;
}

static void step(const port& p, cursor& c) {
  if (++c.word == p.runs[c.number].words) c = cursor{c.frame, c.number + 1, 0};
  if (c.number == p.runs.size()) c = cursor{c.frame + 1, 0, 0};
}

// The clock that is `clocks` after `time`, not counting those in which the process stood still.
static clock_t64 later(const process& p, clock_t64 time, int64_t clocks) {
  for (const stand& s : p.stands) {
    if (s.end <= time) continue;
    if (time + clocks < s.begin) break;
    clocks -= std::max<int64_t>(s.begin - 1 - time, 0);
    time = s.end - 1;
  }
  return time + clocks;
}

// The oldest iteration leaves, if its words find room. False while that is not known.
static bool leave(process& p, bool shown) {
  if (p.inside.empty()) return false;
  const leaver oldest = p.inside.front();
  clock_t64 time = oldest.due;
  for (const port& o : p.outputs) {
    if (iteration(p, o, o.leaving) != oldest.iteration) continue;
    const fifo& f = *o.stream;
    const int64_t depth = f.read.size();
    if (f.writes - f.reads == depth) return false;
    if (f.writes >= depth) time = std::max(time, f.read[f.writes % depth] + 1);
  }
  for (port& o : p.outputs) {
    if (iteration(p, o, o.leaving) != oldest.iteration) continue;
    o.stream->written[o.stream->writes++ % o.stream->written.size()] = time;
    step(o, o.leaving);
  }
  p.inside.pop_front();
  if (time > oldest.due) {
    p.stands.push_back(stand{oldest.due, time});
    for (leaver& l : p.inside) l.due += time - oldest.due;
  }
  if (oldest.iteration % p.trip == p.trip - 1) {
    ++p.frames;
    if (shown) printf("%lld\n", static_cast<long long>(time));
  }
  return true;
}

// The next iteration in which a word passes, or the frame's last one, enters. False while a neighbour has not got there,
// and at the end.
static bool enter(process& p, int64_t frames) {
  if (p.iteration == frames * p.trip - 1) return false;
  const int64_t last = ((p.iteration + 1) / p.trip + 1) * p.trip - 1;
  int64_t next = last;
  for (const port& i : p.inputs) next = std::min(next, iteration(p, i, i.entering));
  for (const port& o : p.outputs) next = std::min(next, iteration(p, o, o.entering));
  clock_t64 time = later(p, p.time, next - p.iteration);
  for (const port& i : p.inputs) {
    if (iteration(p, i, i.entering) != next) continue;
    const fifo& f = *i.stream;
    if (f.reads == f.writes) return false;
    time = std::max(time, f.written[f.reads % f.written.size()] + 1);
  }
  time = later(p, time - 1, 1);
  if (!p.inside.empty() && p.inside.front().due <= time) return false;  // whether it stands still is not known yet
  for (port& i : p.inputs) {
    if (iteration(p, i, i.entering) != next) continue;
    i.stream->read[i.stream->reads++ % i.stream->read.size()] = time;
    step(i, i.entering);
  }
  bool writes = next == last;
  for (port& o : p.outputs) {
    if (iteration(p, o, o.entering) != next) continue;
    step(o, o.entering);
    writes = true;
  }
  if (writes) p.inside.push_back(leaver{next, later(p, time, p.latency)});
  p.iteration = next;
  p.time = time;
  while (!p.stands.empty() && p.stands.front().end <= time) p.stands.pop_front();
  return true;
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
    p.trip = number();
    p.latency = number();
    p.frames = 0;
    p.iteration = p.time = -1;
    const int64_t inputs = number(), outputs = number();
    p.inputs = ports(inputs, fifos);
    p.outputs = ports(outputs, fifos);
  }
  bool moved = true;
  while (moved) {
    moved = false;
    for (process& p : processes) {
      while (leave(p, &p == &processes.back()) || enter(p, frames)) moved = true;
    }
  }
  if (processes.back().frames < frames) printf("deadlock\n");
  return 0;
}
