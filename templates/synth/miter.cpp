// Runs a part's RTL beside its mapped netlist:
//
//   miter CLOCKS
//
// Prints the clock and the output of the first difference, or the clocks run and the words that were equal.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Visobit_miter.h"
#include "verilated.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const unsigned long long clocks = std::strtoull(argv[1], nullptr, 10);
  const std::unique_ptr<VerilatedContext> context(new VerilatedContext);
  context->randSeed(1);
  const std::unique_ptr<Visobit_miter> miter(new Visobit_miter(context.get()));
  miter->rst = 1;
  for (unsigned long long clock = 0; clock < clocks + 8; ++clock) {
    if (clock == 8) miter->rst = 0;
    miter->clk = 0;
    miter->eval();
    if (miter->differs) {
      std::printf("differs %llu %u\n", clock - 8, unsigned(miter->port));
      return 0;
    }
    miter->clk = 1;
    miter->eval();
  }
  std::printf("equal %llu %u\n", clocks, unsigned(miter->words));
  return 0;
}
