// Drives isobit_fifo with random pushes and pops against a queue: every word, every level, both handshakes.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>

#include "Visobit_fifo.h"
#include "verilated.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const size_t depth = std::strtoul(argv[1], nullptr, 10);
  const std::unique_ptr<VerilatedContext> context(new VerilatedContext);
  const std::unique_ptr<Visobit_fifo> fifo(new Visobit_fifo(context.get()));
  std::deque<unsigned> queue;
  std::mt19937 random(1);
  unsigned next = 0, seen = 0, fullest = 0;
  for (int clock = 0; clock < 40000; ++clock) {
    fifo->clk = 0;
    fifo->rst = clock < 3;
    const unsigned phase = clock / 500 % 4;  // fill, drain, both, both seldom
    fifo->in_valid = clock > 3 && random() % 4 < (phase == 1 ? 1u : 3u);
    fifo->out_ready = clock > 3 && random() % 4 < (phase == 0 ? 1u : 3u);
    fifo->in_data = next & 0xff;
    fifo->eval();
    if (clock > 4) {
      if (fifo->level != queue.size() || (fifo->out_valid != 0) != !queue.empty()) return 3;
      if (fifo->in_ready != 0 && queue.size() == depth) return 4;
      if (fifo->out_valid && fifo->out_data != (queue.front() & 0xff)) return 5;
    }
    const bool pops = fifo->out_valid && fifo->out_ready, pushes = fifo->in_valid && fifo->in_ready;
    if (pops) {
      queue.pop_front();
      ++seen;
    }
    if (pushes) queue.push_back(next++);
    if (queue.size() > fullest) fullest = queue.size();
    fifo->clk = 1;
    fifo->eval();
  }
  std::printf("%u %u\n", seen, fullest);
  return 0;
}
